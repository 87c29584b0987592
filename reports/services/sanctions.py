"""What is decided about an author rather than a text: a warning, a suspension."""

from typing import Any

from reports.models import Action, Case, Decision
from reviews.services.strikes import give_strike, revoke_strike
from trustengine.accounts.models import User
from trustengine.accounts.services import reinstate_user, suspend_user
from trustengine.errors import DomainError, InvalidTransition

SANCTIONS = frozenset({Action.WARN, Action.SUSPEND})


def sanction(case: Case, *, action: str, actor: User, reason: str) -> dict[str, Any]:
    """Warn or suspend the author of a case; what was done, for taking it back. Raises InvalidTransition without one."""
    if case.author_id is None:
        raise InvalidTransition("Nobody is known as the author of this.")
    author = User.objects.get(pk=case.author_id)
    if action == Action.WARN:
        return {"strike": str(give_strike(author, actor=actor, reason=reason).pk)}
    was_suspended = author.is_suspended
    suspend_user(author, actor=actor, reason=reason)
    return {"suspended": not was_suspended}


def lift_sanction(decision: Decision, *, actor: User | None) -> None:
    """Take back exactly what a decision did to its author: nothing that was there before it."""
    if strike := decision.after.get("strike"):
        try:
            revoke_strike(strike, actor=actor, reason="undone")
        except DomainError:  # it has run out, so there is nothing left to take back
            return
    if decision.after.get("suspended") and decision.author_id:
        reinstate_user(User.objects.get(pk=decision.author_id), actor=actor, reason="undone")
