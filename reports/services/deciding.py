"""Decisions: taken on a case, recorded once, wherever they were taken. Locks: the case, then its content, then reports.

Whatever decides about a review or a reply goes through the services of ``reviews``, which
tell ``note_decision`` in the same transaction. A decision on a case brings what the
moderator wrote with it; one taken elsewhere (the plain lists, a rule) is recorded as it is,
and its case follows by a job.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from reports.contents import Kind, Memento, kind_of
from reports.errors import CaseChanged, CaseClaimed
from reports.jobs import follow_case, reporters_changed
from reports.models import Action, Appeal, Case, ContentType, Decision, DecisionText, Proposal, ReasonCode, Report
from reports.services.cases import close, is_as_seen, lock_case, refresh, settle_reports
from reports.services.claiming import require_moderator, require_no_part, require_no_part_in
from reports.services.duties import needs_second_person, took_two
from reports.services.sanctions import SANCTIONS, lift_sanction, sanction
from reports.services.statements import announce
from reviews.models import Review
from reviews.services.recording import Taken, decision_recorder
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, InvalidTransition, NotFound
from trustengine.jobs.services import enqueue

BY_HAND = tuple(action for action in Action if action not in {Action.UNDO, Action.OVERTURN})
CHOICES_BY_HAND = [(str(action), action.label) for action in BY_HAND]
UNKNOWN_REASON = "other"

_gathered: ContextVar[list[Taken] | None] = ContextVar("gathered", default=None)


@decision_recorder
def note_decision(taken: Taken) -> None:
    """Hand a decision to whoever decides on a case right now; else record it as taken elsewhere."""
    gathering = _gathered.get()
    if gathering is not None:
        gathering.append(taken)
        return
    content_type = ContentType.REVIEW if isinstance(taken.content, Review) else ContentType.REPLY
    decision = make_decision(
        None,
        content_type=content_type,
        content_id=taken.content.pk,
        author_id=kind_of(content_type).author_id(taken.content),
        action=taken.action,
        reason=taken.reason,
        moderator=taken.actor,
        before=taken.before,
        after=taken.after,
    )
    announce(decision)


@transaction.atomic
def decide(
    case_id: UUID,
    *,
    moderator: User,
    action: str,
    reason_code: str,
    version: int,
    note: str = "",
    facts: str = "",
) -> Decision | Proposal:
    """Decide a case, or propose what needs a second person.

    ``version`` is the one that the moderator saw. Raises NotFound, PermissionDenied,
    InvalidInput for an unknown action or reason, CaseClaimed, CaseChanged, InvalidTransition
    for an action that does not fit, ConflictOfInterest for one's own content.
    """
    require_moderator(moderator)
    reason = active_reason(reason_code)
    if action not in BY_HAND:
        raise InvalidInput(fields={"action": f"One of {', '.join(BY_HAND)}."})
    case = lock_for_decision(case_id, moderator=moderator, version=version)
    if needs_second_person(action, reason, case):
        return propose(case, moderator=moderator, action=action, reason=reason, note=note, facts=facts)
    return carry_out(case, moderator=moderator, action=action, reason=reason, note=note, facts=facts)


def active_reason(code: str, *, field: str = "reason_code") -> ReasonCode:
    """A reason of the catalogue that may be named in new decisions. Raises InvalidInput."""
    reason = ReasonCode.objects.filter(code=code, is_active=True).first()
    if reason is None:
        raise InvalidInput(fields={field: "Not a reason of the catalogue."})
    return reason


def lock_for_decision(case_id: UUID, *, moderator: User, version: int) -> Case:
    """An open case at the version that was seen, not claimed by another, not about one's own content."""
    case = lock_case(case_id)
    if case is None:
        raise NotFound
    if case.state != Case.State.OPEN or case.version != version:
        raise CaseChanged(version=case.version, state=case.state)
    if case.is_claimed and case.claimed_by_id != moderator.pk:
        raise CaseClaimed
    require_no_part(moderator, case)
    if not is_as_seen(case):
        raise CaseChanged(version=case.version, state=case.state)
    return case


def carry_out(
    case: Case, *, moderator: User, action: str, reason: ReasonCode, note: str = "", facts: str = ""
) -> Decision:
    """Take a decision on a locked case: act on the content, settle the reports, close the case."""
    kind = kind_of(case.content_type)
    content = kind.get(case.content_id)
    if content is None:
        raise InvalidTransition("This content has been withdrawn.")
    before, after = _act(kind, content, case, moderator, action, reason)
    decision = make_decision(
        case,
        content_type=case.content_type,
        content_id=case.content_id,
        author_id=case.author_id,
        action=action,
        reason=reason.code,
        moderator=moderator,
        before=before,
        after=after,
        note=note,
        facts=facts,
    )
    reports = settle_reports(case, decision)
    reporters_changed([report.reporter_id for report in reports])
    still = kind.get(case.content_id)
    if Appeal.objects.filter(case=case, state=Appeal.State.PENDING).exists():
        _keep_open(case, kind, still, Case.Queue.APPEALS)
    elif still is not None and kind.waits(still):  # the edit that waits is another matter than what was reported
        _keep_open(case, kind, still, Case.Queue.PENDING)
    else:
        close(case)
    announce(decision)
    return decision


def _keep_open(case: Case, kind: Kind, content: Any, queue: str) -> None:
    """What still waits there is for whoever takes it next, and another version than the one decided."""
    case.version += 1
    case.claimed_by, case.claim_expires_at = None, None
    case.save(update_fields=["version", "claimed_by", "claim_expires_at", "updated_at"])
    refresh(case, kind, content, queue=queue)


def propose(
    case: Case, *, moderator: User, action: str, reason: ReasonCode, note: str = "", facts: str = ""
) -> Proposal:
    """Write down what a second person has to approve. One proposal at a time for a case."""
    _require_no_proposal(case)
    if action == Action.SUSPEND and case.author_id is None:
        raise InvalidTransition("There is nobody to suspend.")
    case.version += 1
    case.claimed_by, case.claim_expires_at = None, None
    case.save(update_fields=["version", "claimed_by", "claim_expires_at", "updated_at"])
    proposal = Proposal.objects.create(
        case=case,
        case_version=case.version,
        action=action,
        reason=reason,
        note=note,
        facts=facts,
        proposed_by=moderator,
    )
    after = {"case": case.pk, "action": action, "reason": reason.code}
    record("proposal.made", proposal, actor=moderator, after=after, reason=reason.code)
    return proposal


def _require_no_proposal(case: Case) -> None:
    if Proposal.objects.filter(case=case, state=Proposal.State.OPEN).exists():
        raise InvalidTransition("There is a proposal on this case already.")


def propose_to_take_back(
    case: Case, decision: Decision, *, action: Action, by: User, text: str = "", appeal: Appeal | None = None
) -> Proposal:
    """Write down that a locked decision, which two people took, is to be taken back by two people."""
    _require_no_proposal(case)
    proposal = Proposal.objects.create(
        case=case,
        case_version=case.version,
        action=action,
        reason_id=decision.reason_id,
        facts=text,
        undoes=decision,
        appeal=appeal,
        proposed_by=by,
    )
    after = {"case": case.pk, "action": action, "undoes": decision.pk, "appeal": appeal and appeal.pk}
    record("proposal.made", proposal, actor=by, after=after, reason=decision.reason_id)
    return proposal


@transaction.atomic
def undo(decision_id: UUID, *, moderator: User) -> Decision | Proposal:
    """Put everything back as it was before a decision, while its notices have not left.

    It asks what deciding asks, and as many people: what two people decided becomes a
    proposal. Raises NotFound, PermissionDenied, ConflictOfInterest, CaseClaimed,
    InvalidTransition when the time is over or it has been superseded, CaseChanged if
    something has happened to the content since.
    """
    require_moderator(moderator)
    case, decision = lock_for_undo(decision_id, moderator)
    if took_two(decision) and case is not None:
        return propose_to_take_back(case, decision, action=Action.UNDO, by=moderator)
    return carry_out_undo(case, decision, moderator=moderator)


def lock_for_undo(decision_id: UUID, moderator: User) -> tuple[Case | None, Decision]:
    """Lock a decision that may still be undone by this person, its case before it."""
    found = Decision.objects.filter(pk=decision_id).first()
    if found is None:
        raise NotFound
    case = lock_case(found.case_id) if found.case_id else None
    decision = lock_decision(decision_id)
    require_no_part_in(moderator, decision.content_type, decision.content_id, decision.author_id)
    if case is not None and case.state == Case.State.OPEN and case.is_claimed and case.claimed_by_id != moderator.pk:
        raise CaseClaimed
    if hasattr(decision, "superseded_by") or decision.action in {Action.UNDO, Action.OVERTURN}:
        raise InvalidTransition("This decision does not stand any more.")
    if decision.notice_after <= database_now():
        raise InvalidTransition("The time for undoing is over: decide anew instead.")
    return case, decision


def carry_out_undo(case: Case | None, decision: Decision, *, moderator: User) -> Decision:
    """Take a locked decision back, and have its reports wait again."""
    reverse(decision, actor=moderator)
    undone = make_decision(
        case,
        content_type=decision.content_type,
        content_id=decision.content_id,
        author_id=decision.author_id,
        action=Action.UNDO,
        reason=decision.reason_id,
        moderator=moderator,
        before=decision.after,
        after=decision.before,
        supersedes=decision,
    )
    reopen_reports(decision)
    settle_appeals(decision, state=Appeal.State.OVERTURNED)
    return undone


def lock_decision(decision_id: UUID) -> Decision:
    """A decision, for one who supersedes it or acts on its standing: they take turns. Its case is locked before it."""
    decisions = Decision.objects.select_for_update(of=("self",), no_key=True)
    decision: Decision = decisions.select_related("reason").get(pk=decision_id)
    return decision


def settle_appeals(decision: Decision, *, state: str) -> None:
    """Appeals against a decision that has just been taken back have reached what they were after."""
    pending = Appeal.objects.filter(decision=decision, state=Appeal.State.PENDING)
    pending.update(state=state, ruled_at=database_now())


def reverse(decision: Decision, *, actor: User | None) -> None:
    """Take back what a decision did, exactly. Raises CaseChanged if something has happened to the content since."""
    kind = kind_of(decision.content_type)
    if decision.action in SANCTIONS:
        lift_sanction(decision, actor=actor)
    elif decision.before != decision.after:
        with _gathering():
            kind.put_back(decision.content_id, before=decision.before, after=decision.after, actor=actor)


def restore_content(decision: Decision, *, actor: User) -> None:
    """Show again what a decision took out of sight, whatever has happened to the content since.

    Raises CaseChanged where there is nothing to show again: a text that was rejected and
    has been replaced is decided on anew.
    """
    kind = kind_of(decision.content_type)
    content = kind.get(decision.content_id)
    if content is None or decision.action not in {Action.HIDE, Action.REMOVE, Action.RESTRICT}:
        raise CaseChanged
    with _gathering():
        kind.apply(content, action=Action.RESTORE, actor=actor, reason="no_violation", ground="none")


def reopen_reports(decision: Decision) -> None:
    """Reports that a decision settled wait again; the case of their content opens by a job."""
    settled = Report.objects.filter(
        content_type=decision.content_type, content_id=decision.content_id, reviewed_at=decision.created_at
    )
    reporters = list(settled.values_list("reporter", flat=True))
    settled.update(status=Report.Status.PENDING, reviewed_at=None, reviewed_by=None, updated_at=database_now())
    reporters_changed(reporters)
    enqueue(follow_case, key=f"{decision.content_type}:{decision.content_id}")


def make_decision(
    case: Case | None,
    *,
    content_type: str,
    content_id: UUID,
    author_id: UUID | None,
    action: str,
    reason: str,
    moderator: User | None,
    before: Memento,
    after: Memento,
    supersedes: Decision | None = None,
    note: str = "",
    facts: str = "",
) -> Decision:
    """Write a decision down, with its audit entry. ``reason`` that is not in the catalogue becomes “other”."""
    known = ReasonCode.objects.filter(code=reason).exists()
    now = database_now()
    decision = Decision.objects.create(
        case=case,
        content_type=content_type,
        content_id=content_id,
        author_id=author_id,
        action=action,
        reason_id=reason if known else "approved_ok" if action == Action.APPROVE else UNKNOWN_REASON,
        automated=moderator is None,
        moderator=moderator,
        supersedes=supersedes,
        before=before,
        after=after,
        created_at=now,
        notice_after=now + timedelta(seconds=settings.UNDO_SECONDS),
    )
    if note or facts:
        DecisionText.objects.create(decision=decision, note=note, facts=facts)
    told: dict[str, Any] = {
        "content": f"{content_type}:{content_id}",
        "action": action,
        "case": case and case.pk,
        "supersedes": supersedes and supersedes.pk,
        "automated": moderator is None,
    }
    record("decision.taken", decision, actor=moderator, after=told, reason=decision.reason_id)
    return decision


def _act(
    kind: Kind, content: Any, case: Case, moderator: User, action: str, reason: ReasonCode
) -> tuple[Memento, Memento]:
    """Carry an action out; its content's state before and after."""
    if action in SANCTIONS:
        return {}, sanction(case, action=action, actor=moderator, reason=reason.code)
    before = kind.memento(content)
    if action == Action.DISMISS:
        return before, before
    with _gathering() as gathered:
        kind.apply(content, action=action, actor=moderator, reason=reason.code, ground=reason.ground)
    if gathered:
        return gathered[0].before, gathered[-1].after
    fresh = kind.get(case.content_id)
    return before, kind.memento(fresh) if fresh is not None else before


@contextmanager
def _gathering() -> Iterator[list[Taken]]:
    gathered: list[Taken] = []
    token = _gathered.set(gathered)
    try:
        yield gathered
    finally:
        _gathered.reset(token)
