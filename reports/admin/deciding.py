"""Decisions on cases from the lists: the form, the services, and what became of them in words."""

from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from reports.models import Action, Case, Proposal, ReasonCode
from reports.services.deciding import decide
from trustengine.accounts.models import User
from trustengine.admin.attempting import attempt
from trustengine.forms import NormalisedCharField

NONE_SEEN = 0  # no case has this version: without having seen one, nothing is decided
ACTIONS = {
    Action.APPROVE.value: "Approve",
    Action.REJECT.value: "Reject",
    Action.HIDE.value: "Hide",
    Action.RESTORE.value: "Show again",
    Action.REMOVE.value: "Remove",
    Action.RESTRICT.value: "Restrict",
    Action.DISMISS.value: "Dismiss the reports",
    Action.WARN.value: "Warn the author",
    Action.SUSPEND.value: "Suspend the author",
}
# Where no reason is chosen. What limits somebody always needs one.
DEFAULT_REASONS = {
    Action.APPROVE.value: "approved_ok",
    Action.RESTORE.value: "no_violation",
    Action.DISMISS.value: "no_violation",
}


def reasons() -> list[tuple[str, str]]:
    """The reasons that new decisions may name, as choices."""
    active = ReasonCode.objects.filter(is_active=True).order_by("position", "code")
    return [("", "Reason…"), *active.values_list("code", "label")]


def _words() -> NormalisedCharField:
    return NormalisedCharField(max_length=2_000, required=False, widget=UnfoldAdminTextareaWidget({"rows": 3}))


class DecisionForm(forms.Form):
    """One decision, with words for the author and for colleagues, on the version that was seen."""

    action = forms.ChoiceField(
        choices=[("", "Choose an action…"), *ACTIONS.items()],
        widget=UnfoldAdminSelectWidget,
        error_messages={"required": "Please choose an action."},
    )
    reason = forms.ChoiceField(choices=reasons, required=False, widget=UnfoldAdminSelectWidget)
    version = forms.IntegerField(min_value=0, max_value=2**31 - 1)
    facts = _words()
    note = _words()

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        given["reason"] = given.get("reason") or DEFAULT_REASONS.get(given.get("action", ""), "")
        if given.get("action") and not given["reason"]:
            self.add_error("reason", "Please choose a reason: the author will be told.")
        return given


def decide_one(request: HttpRequest, case: Case, *, action: str, reason: str, version: int, **words: str) -> bool:
    """Have a decision taken, and say whether it stands or waits for a second person."""
    outcome: list[Any] = []
    call = partial(
        decide,
        case.pk,
        moderator=cast(User, request.user),
        action=action,
        reason_code=reason,
        version=version,
        **words,
    )
    if not attempt(request, name_of_case(case), lambda: outcome.append(call()), f"decided ({action})"):
        return False
    if isinstance(outcome[0], Proposal):
        messages.info(request, f"{name_of_case(case)}: a second person has to approve this.")
    return True


def name_of_case(case: Case) -> str:
    """Enough to recognise a case by in a message."""
    return f"Case {str(case.pk)[-8:]}"
