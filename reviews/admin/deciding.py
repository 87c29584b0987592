"""Decisions from the console: forms, the services they call, and what became of them in words."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django import forms
from django.db import OperationalError
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminSelectWidget

from reviews.models import Review
from reviews.services import approve_review, hide_review, reject_review, restore_review
from trustengine.accounts.models import User
from trustengine.errors import DomainError

REASONS = [
    ("spam", "Spam or advertising"),
    ("fake", "Not a genuine experience"),
    ("offensive", "Offensive or hateful"),
    ("off_topic", "Not about the product"),
    ("privacy", "Discloses personal data"),
    ("illegal", "Against the law"),
    ("conflict_of_interest", "Conflict of interest"),
    ("other", "Another reason"),
]
APPROVED_OK = "approved_ok"
NO_VIOLATION = "no_violation"


class DecisionForm(forms.Form):
    """What a moderator decided, and which text they had in front of them."""

    APPROVE, REJECT, HIDE, RESTORE = "approve", "reject", "hide", "restore"

    action = forms.ChoiceField(choices=[(name, name) for name in (APPROVE, REJECT, HIDE, RESTORE)])
    revision = forms.IntegerField(required=False, min_value=1)
    reason = forms.ChoiceField(
        choices=[("", "Choose a reason…"), *REASONS], required=False, widget=UnfoldAdminSelectWidget
    )

    def clean(self) -> dict[str, object]:
        given = super().clean() or {}
        if given.get("action") in {self.REJECT, self.HIDE} and not given.get("reason"):
            self.add_error("reason", "Please choose a reason: the author will be told.")
        if given.get("action") in {self.APPROVE, self.REJECT} and not given.get("revision"):
            self.add_error("revision", "Which text was decided on is missing.")
        return given


class QueueActionForm(ActionForm):
    """The queue's bulk actions, with a reason for rejecting."""

    reason = forms.ChoiceField(
        label="",
        required=False,
        choices=[("", "Reason for rejecting…"), *REASONS],
        widget=forms.Select(
            {"class": "te-select", "aria-label": "Reason for rejecting", "x-show": "action == 'reject'"}
        ),
    )


@dataclass(frozen=True)
class Outcome:
    """Whether a decision was taken, and in words what became of it."""

    taken: bool
    message: str


def decide(review: Review, *, action: str, actor: User, revision: int | None, reason: str) -> Outcome:
    """Have the service carry out one decision. What the rules refuse comes back as words, never as an error."""
    services: dict[str, tuple[Callable[..., Review], str]] = {
        DecisionForm.APPROVE: (partial(approve_review, revision=revision, reason=reason or APPROVED_OK), "Approved"),
        DecisionForm.REJECT: (partial(reject_review, revision=revision, reason=reason), "Rejected"),
        DecisionForm.HIDE: (partial(hide_review, reason=reason), "Hidden"),
        DecisionForm.RESTORE: (partial(restore_review, reason=reason or NO_VIOLATION), "Restored"),
    }
    service, done = services[action]
    return _attempt(service, review.pk, actor, f"{done}: {name_of_review(review)}.", name_of_review(review))


def _attempt(service: Callable[..., Review], review_id: UUID, actor: User, success: str, name: str) -> Outcome:
    try:
        service(review_id, actor=actor)
    except DomainError as error:
        return Outcome(False, f"{name}: {error.detail}")
    except OperationalError:  # a lock or statement timeout: somebody else is at it
        return Outcome(False, f"{name}: somebody is working on it right now. Please try again.")
    return Outcome(True, success)


def name_of_review(review: Review) -> str:
    """Enough to recognise a review by in a message."""
    return f"“{review.title[:60]}”" if review.title else f"review {str(review.pk)[-8:]}"
