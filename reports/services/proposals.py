"""Second approvals: another person than the proposer carries out, or refuses."""

from uuid import UUID

from django.db import transaction

from reports.errors import CaseChanged
from reports.models import Case, Decision, Proposal
from reports.services.appeals import overturn_as_second
from reports.services.cases import lock_case
from reports.services.claiming import require_no_part
from reports.services.deciding import carry_out, carry_out_undo, lock_for_undo
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied

PERMISSION = "reports.approve_proposal"


@transaction.atomic
def approve_proposal(proposal_id: UUID, *, approver: User) -> Decision:
    """Carry out what somebody else has proposed.

    Raises NotFound, PermissionDenied for the proposer and for whoever has not the right,
    ConflictOfInterest, InvalidTransition for a settled one, CaseChanged if the content has changed since.
    """
    proposal, case = _lock(proposal_id, approver)
    if proposal.undoes_id is not None:
        decision = _take_back(proposal, approver)
        _settle(proposal, Proposal.State.APPROVED, approver, decision)
        return decision
    if case.state != Case.State.OPEN or case.version != proposal.case_version:
        raise CaseChanged(version=case.version, state=case.state)
    decision = carry_out(
        case,
        moderator=approver,
        action=proposal.action,
        reason=proposal.reason,
        note=proposal.note,
        facts=proposal.facts,
    )
    _settle(proposal, Proposal.State.APPROVED, approver, decision)
    return decision


def _take_back(proposal: Proposal, approver: User) -> Decision:
    """Undo a decision as the second person, or overturn it by the appeal that was ruled on."""
    if proposal.appeal_id is not None:
        return overturn_as_second(proposal.appeal_id, approver=approver, text=proposal.facts)
    case, decision = lock_for_undo(proposal.undoes_id, approver)  # type: ignore[arg-type]
    return carry_out_undo(case, decision, moderator=approver)


@transaction.atomic
def refuse_proposal(proposal_id: UUID, *, approver: User) -> Proposal:
    """Say no to a proposal; its case waits for another decision. The proposer may so withdraw it."""
    proposal, _ = _lock(proposal_id, approver, may_be_proposer=True)
    own = proposal.proposed_by_id == approver.pk
    _settle(proposal, Proposal.State.WITHDRAWN if own else Proposal.State.REFUSED, approver, None)
    return proposal


def _lock(proposal_id: UUID, approver: User, *, may_be_proposer: bool = False) -> tuple[Proposal, Case]:
    found = Proposal.objects.filter(pk=proposal_id).first()
    if found is None:
        raise NotFound
    own = found.proposed_by_id == approver.pk
    if not (approver.has_perm(PERMISSION) or (own and may_be_proposer)):
        raise PermissionDenied
    if own and not may_be_proposer:
        raise PermissionDenied("A second person has to approve this.")
    require_no_part(approver, found.case)
    case = lock_case(found.case_id)
    proposal = Proposal.objects.select_related("reason").get(pk=proposal_id)
    if proposal.state != Proposal.State.OPEN or case is None:
        raise InvalidTransition("This proposal has been settled.")
    return proposal, case


def _settle(proposal: Proposal, state: Proposal.State, by: User, decision: Decision | None) -> None:
    proposal.state, proposal.settled_at, proposal.decision = state, database_now(), decision
    proposal.settled_by = None if state == Proposal.State.WITHDRAWN else by
    proposal.save(update_fields=["state", "settled_by", "settled_at", "decision"])
    record(f"proposal.{state}", proposal, actor=by, after={"decision": decision and decision.pk})
