"""Suspending and reinstating by people: one proposes, another one approves. Locks: the user, then the proposal.

Of accounts of staff, both have to be superusers.
"""

from uuid import UUID

from django.db import transaction

from trustengine.accounts.models import Erasure, SuspensionProposal, User
from trustengine.accounts.services import reinstate_user, require_may_touch, suspend_user
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, InvalidTransition, NotFound, PermissionDenied

PERMISSION = "accounts.suspend_user"
Action, State = SuspensionProposal.Action, SuspensionProposal.State
CARRIES_OUT = {Action.SUSPEND: suspend_user, Action.REINSTATE: reinstate_user}


@transaction.atomic
def propose_suspension(user: User, *, actor: User, reason: str) -> SuspensionProposal:
    """Propose that a user is suspended. ``reason`` is a code. Proposing what is proposed already changes nothing.

    Raises PermissionDenied, also for oneself and for staff unless a superuser proposes it,
    NotFound, InvalidInput, InvalidTransition where it is so already or something else is proposed.
    """
    return _propose(user, Action.SUSPEND, actor, reason)


@transaction.atomic
def propose_reinstatement(user: User, *, actor: User, reason: str) -> SuspensionProposal:
    """Propose that a suspension ends. Raises what ``propose_suspension`` raises."""
    return _propose(user, Action.REINSTATE, actor, reason)


@transaction.atomic
def approve_suspension(proposal_id: UUID, *, actor: User) -> SuspensionProposal:
    """Carry out what somebody else has proposed.

    Raises PermissionDenied, also for the proposer and the user themselves, NotFound,
    InvalidTransition for what has been settled or is so already.
    """
    proposal, user = _lock(proposal_id, actor)
    if proposal.proposed_by_id == actor.pk:
        raise PermissionDenied("You proposed this: a second person has to approve it.")
    if proposal.state == State.APPROVED and proposal.settled_by_id == actor.pk:
        return proposal
    _require_open(proposal)
    _require_change(user, proposal.action)
    CARRIES_OUT[Action(proposal.action)](user, actor=actor, reason=proposal.reason)
    return _settle(proposal, State.APPROVED, actor)


@transaction.atomic
def refuse_suspension(proposal_id: UUID, *, actor: User) -> SuspensionProposal:
    """Refuse a proposal; one's own is withdrawn. Raises what ``approve_suspension`` raises."""
    proposal, _ = _lock(proposal_id, actor)
    ended = State.WITHDRAWN if proposal.proposed_by_id == actor.pk else State.REFUSED
    if proposal.state == ended and proposal.settled_by_id in (None, actor.pk):
        return proposal
    _require_open(proposal)
    return _settle(proposal, ended, actor)


def _propose(user: User, action: SuspensionProposal.Action, actor: User, reason: str) -> SuspensionProposal:
    if not reason or len(reason) > 50:
        raise InvalidInput(fields={"reason": "A reason code."})
    user = _lock_user(user.pk, actor)
    _require_change(user, action)
    known = SuspensionProposal.objects.filter(user=user, state=State.OPEN).first()
    if known is not None and known.action == action:
        return known
    if known is not None:
        raise InvalidTransition("Something else is proposed for this user: settle that first.")
    proposal = SuspensionProposal.objects.create(user=user, action=action, reason=reason, proposed_by=actor)
    record(f"user.{action}_proposed", user, actor=actor, after={"proposal": proposal.pk}, reason=reason)
    return proposal


def _lock(proposal_id: UUID, actor: User) -> tuple[SuspensionProposal, User]:
    user_id = SuspensionProposal.objects.filter(pk=proposal_id).values_list("user", flat=True).first()
    if user_id is None:
        if not actor.has_perm(PERMISSION):
            raise PermissionDenied
        raise NotFound
    user = _lock_user(user_id, actor)
    locked = SuspensionProposal.objects.select_for_update(of=("self",), no_key=True)
    return locked.get(pk=proposal_id), user


def _lock_user(user_id: UUID, actor: User) -> User:
    """A user about whom this person may propose and settle."""
    if not actor.has_perm(PERMISSION):
        raise PermissionDenied
    if actor.pk == user_id:
        raise PermissionDenied("Others decide about your own account.")
    user = User.objects.select_for_update(of=("self",), no_key=True).filter(pk=user_id).first()
    if user is None:
        raise NotFound
    require_may_touch(user, actor)
    return user


def _require_open(proposal: SuspensionProposal) -> None:
    if proposal.state != State.OPEN:
        raise InvalidTransition(f"This proposal was {proposal.state}.")


def _require_change(user: User, action: str) -> None:
    if Erasure.objects.filter(user=user).exists():
        raise InvalidTransition("This account is being erased, or has been.")
    if user.is_suspended == (action == Action.SUSPEND):
        raise InvalidTransition(f"This account is {'' if user.is_suspended else 'not '}suspended.")


def _settle(proposal: SuspensionProposal, state: SuspensionProposal.State, actor: User) -> SuspensionProposal:
    proposal.state, proposal.settled_by, proposal.settled_at = state, actor, database_now()
    proposal.save(update_fields=["state", "settled_by", "settled_at"])
    about = ("accounts.user", proposal.user_id)
    record(f"user.{proposal.action}_{state}", about, actor=actor, after={"proposal": proposal.pk})
    return proposal
