"""Steps that a moderator takes, carried out by the services, with what became of them in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.db import OperationalError

from reports.admin.console.choices import BY_ACTION, CHOICES
from reports.admin.console.evidence import latest_text, text_numbered
from reports.models import Case, Decision, Proposal, ReasonCode, Report
from reports.services.deciding import decide, undo
from reviews.admin.differences import difference
from trustengine.accounts.models import User
from trustengine.errors import DomainError
from trustengine.forms import NormalisedCharField

TEXT = 2_000
PROPOSED = "Proposed: a second person has to approve it."


class DecisionForm(forms.Form):
    """An action on a case, and the version of it that the moderator had in front of them."""

    action = forms.ChoiceField(choices=[(choice.action, choice.label) for choice in CHOICES])
    reason = forms.CharField(max_length=40, required=False)
    facts = NormalisedCharField(max_length=TEXT, required=False)
    note = NormalisedCharField(max_length=TEXT, required=False)
    version = forms.IntegerField(min_value=1, max_value=2**31 - 1)
    seen = forms.IntegerField(min_value=0, max_value=2**31 - 1, required=False)  # the number of the newest text
    since = forms.DateTimeField(required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        choice = BY_ACTION.get(given.get("action", ""))
        if choice is not None and choice.reason:
            given["reason"] = choice.reason
        elif not given.get("reason"):
            self.add_error("reason", "Please choose a reason: the author is told.")
        return given

    @property
    def complaint(self) -> str:
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


@dataclass(frozen=True)
class Outcome:
    """What became of a step: in words, with the decision that may be undone, or why nothing was done."""

    words: str
    decision: Decision | None = None
    refusal: str = ""  # the code of the rule that refused it
    is_proposed: bool = False

    @property
    def is_done(self) -> bool:
        return not self.refusal


def attempt(step: Callable[[], object], *, success: str) -> Outcome:
    """Take a step. What the rules refuse comes back as words, never as an error."""
    try:
        made = step()
    except DomainError as error:
        return Outcome(error.detail, refusal=error.code)
    except OperationalError:  # a lock or statement timeout
        return Outcome("Somebody is working on this at this very moment. Please try again.", refusal="TRY_AGAIN")
    if isinstance(made, Proposal):
        return Outcome(PROPOSED, is_proposed=True)
    return Outcome(success, decision=made if isinstance(made, Decision) else None)


def carry_out(case_id: UUID, given: dict[str, Any], *, moderator: User, name: str) -> Outcome:
    """Decide a case as a checked form says."""
    choice = BY_ACTION[given["action"]]
    return attempt(
        lambda: decide(
            case_id,
            moderator=moderator,
            action=given["action"],
            reason_code=given["reason"],
            version=given["version"],
            note=given["note"],
            facts=_own_words(given["facts"], given["reason"]),
        ),
        success=f"{choice.done}: {name}.",
    )


def take_back(decisions: Sequence[UUID], *, moderator: User) -> list[Outcome]:
    """Undo decisions one by one, the latest first. What two people decided is proposed to a second person."""
    steps = [partial(undo, each, moderator=moderator) for each in reversed(decisions)]
    return [attempt(step, success="Undone: everything is as it was.") for step in steps]


@dataclass(frozen=True)
class Changes:
    """What has happened to a case since somebody looked at it."""

    case: Case
    is_theirs: bool
    decision: Decision | None
    text: str
    reports: int


def changes_since(case_id: UUID, given: dict[str, Any], *, viewer: User) -> Changes | None:
    """What a moderator has to know before they decide anew; None for a case that is gone."""
    case = Case.objects.select_related("claimed_by").filter(pk=case_id).first()
    if case is None:
        return None
    last = Decision.objects.filter(case=case).select_related("moderator", "reason").order_by("-created_at").first()
    number, newest = latest_text(case)
    seen, since = given.get("seen") or 0, given.get("since")
    return Changes(
        case=case,
        is_theirs=case.is_claimed and case.claimed_by_id != viewer.pk,
        decision=last if case.version != given.get("version") else None,
        text=difference(text_numbered(case, seen), newest) if 0 < seen < number else "",
        reports=_reports_since(case, since) if since else 0,
    )


def _reports_since(case: Case, moment: datetime) -> int:
    about = {"content_type": case.content_type, "content_id": case.content_id}
    return Report.objects.pending().filter(**about, created_at__gt=moment).count()


def _own_words(facts: str, reason: str) -> str:
    """Facts that are more than the reason's own policy, which every statement quotes anyway."""
    policy = ReasonCode.objects.filter(pk=reason).values_list("policy", flat=True).first() or ""
    return "" if facts.split() == policy.split() else facts
