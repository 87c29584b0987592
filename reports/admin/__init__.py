"""The console's pages about reports, cases and decisions."""

from reports.admin import console

__all__ = ["console"]
