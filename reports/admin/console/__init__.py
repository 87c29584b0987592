"""The moderators' page: cases on the left, what one is about in the middle, history and actions on the right.

Every step is a form that works by itself. With scripts, htmx sends it and puts the answer
in place, and ``moderation.js`` adds the keyboard, the heartbeat of a claim and the toasts.
"""

from reports.admin.console import batches, pages, steps

__all__ = ["batches", "pages", "steps"]
