"""What may be decided about a case, and how the console offers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.models import Action, Case, ContentType, ReasonCode
from reviews.models import Review, VendorReply

OK, NO_VIOLATION = "approved_ok", "no_violation"


@dataclass(frozen=True)
class Choice:
    """An action as a button. With a ``reason`` of its own it is taken at once; else the moderator names one."""

    action: str
    label: str
    done: str
    key: str
    icon: str
    tone: str
    words: str
    reason: str = ""


CHOICES = (
    Choice(Action.APPROVE, "Approve", "Approved", "a", "check", "te-approve", "The text that waits is published.", OK),
    Choice(Action.REJECT, "Reject", "Rejected", "r", "block", "te-danger", "The text that waits is not published."),
    Choice(
        Action.DISMISS,
        "Dismiss",
        "Dismissed",
        "d",
        "done_all",
        "te-approve",
        "Nothing changes, and the reports are dismissed.",
        NO_VIOLATION,
    ),
    Choice(
        Action.HIDE, "Hide", "Hidden", "h", "visibility_off", "te-danger", "Nobody but moderators sees it any more."
    ),
    Choice(
        Action.RESTORE,
        "Restore",
        "Restored",
        "e",
        "visibility",
        "",
        "It is public and counted again.",
        NO_VIOLATION,
    ),
    Choice(
        Action.RESTRICT,
        "Restrict",
        "Restricted",
        "t",
        "lock",
        "",
        "Only its author and moderators see it, and it does not count.",
    ),
    Choice(
        Action.REMOVE, "Remove", "Removed", "v", "delete", "te-danger", "It is taken down; a note names the ground."
    ),
    Choice(Action.WARN, "Warn", "Warned", "w", "warning", "", "The author gets a strike; the content stays."),
    Choice(
        Action.SUSPEND,
        "Suspend",
        "Proposed",
        "p",
        "person_off",
        "te-danger",
        "Proposes to suspend the author: a second person approves.",
    ),
)
BY_ACTION = {choice.action: choice for choice in CHOICES}


def fitting(case: Case, content: Any, *, waits: bool, is_reported: bool) -> list[Choice]:
    """The actions that make sense for a case's content as it is now, in the order of their buttons."""
    if content is None or case.state != Case.State.OPEN:
        return []
    fit = _of_visibility(content)
    is_listing = not isinstance(content, Review | VendorReply)
    if waits and not is_listing:
        fit |= {Action.APPROVE, Action.REJECT}
    if is_reported or not waits or is_listing:
        fit.add(Action.DISMISS)
    if case.author_id is not None:
        fit |= {Action.WARN, Action.SUSPEND}
    return [choice for choice in CHOICES if choice.action in fit]


def reasons() -> Sequence[ReasonCode]:
    """What a decision against something may be based on."""
    return list(ReasonCode.objects.filter(is_active=True).exclude(ground=ReasonCode.Ground.NONE))


def name_of_type(content_type: str) -> str:
    return ContentType(content_type).label


def _of_visibility(content: Any) -> set[str]:
    fit: set[str] = set()
    if not isinstance(content, Review | VendorReply):
        if content.is_moderated:
            fit.add(Action.RESTORE)
        else:
            fit.add(Action.HIDE)
        if not content.removed_at:
            fit.add(Action.REMOVE)
        return fit
    is_restricted = isinstance(content, Review) and content.restricted_at is not None
    if content.is_hidden or content.removed_at or is_restricted:
        fit.add(Action.RESTORE)
    if content.status == content.Status.APPROVED and not content.is_hidden and not content.removed_at:
        fit.add(Action.HIDE)
        if isinstance(content, Review) and not is_restricted:
            fit.add(Action.RESTRICT)
    if not content.removed_at:
        fit.add(Action.REMOVE)
    return fit
