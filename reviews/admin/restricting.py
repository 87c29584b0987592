"""Restricting a review from its page, and showing it again."""

from datetime import timedelta
from typing import Any

from django import forms
from django.db import OperationalError
from unfold.widgets import UnfoldAdminSelectWidget

from reviews.admin.deciding import NO_VIOLATION, Outcome, name_of_review
from reviews.models import Restriction, Review
from reviews.services import lift_restriction, restrict_review
from reviews.services.restriction import EXCEPTED
from trustengine.accounts.models import User
from trustengine.database_time import database_now
from trustengine.errors import DomainError

DAYS = [("", "Until it is lifted"), ("7", "For 7 days"), ("30", "For 30 days"), ("90", "For 90 days")]
GROUNDS = [
    ("", "Choose a ground…"),
    *((ground.value, ground.name.replace("_", " ").capitalize()) for ground in Restriction.Ground),
]


class RestrictionForm(forms.Form):
    """On which ground, for how long, and whether the author is told."""

    RESTRICT, LIFT = "restrict", "lift"

    action = forms.ChoiceField(choices=[(name, name) for name in (RESTRICT, LIFT)])
    ground = forms.ChoiceField(choices=GROUNDS, required=False, widget=UnfoldAdminSelectWidget)
    days = forms.ChoiceField(choices=DAYS, required=False, widget=UnfoldAdminSelectWidget)
    silent = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("action") == self.RESTRICT and not given.get("ground"):
            self.add_error("ground", "Please choose a ground: it is what the author is told.")
        if given.get("silent") and given.get("ground") and given["ground"] not in EXCEPTED:
            self.add_error("silent", "On this ground the author has to be told.")
        return given


def carry_out(review: Review, given: dict[str, Any], *, actor: User) -> Outcome:
    """Have the service do it. What the rules refuse comes back as words."""
    name = name_of_review(review)
    try:
        if given["action"] == RestrictionForm.LIFT:
            lift_restriction(review.pk, actor=actor, reason=NO_VIOLATION)
            return Outcome(True, f"Shown to everyone again: {name}.")
        days = given["days"]
        restrict_review(
            review.pk,
            actor=actor,
            ground=given["ground"],
            expires_at=database_now() + timedelta(days=int(days)) if days else None,
            notify=not given["silent"],
        )
    except DomainError as error:
        return Outcome(False, f"{name}: {error.detail}")
    except OperationalError:  # a lock or statement timeout: somebody else is at it
        return Outcome(False, f"{name}: somebody is working on it right now. Please try again.")
    return Outcome(True, f"Restricted: {name}.")
