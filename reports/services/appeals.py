"""Appeals: an author or a reporter asks for another look, and somebody else takes it."""

from uuid import UUID

from django.db import IntegrityError, transaction

from reports.errors import AlreadyAppealed, AppealWindowClosed, CaseChanged, ConflictOfInterest
from reports.jobs import follow_case, mail_ruling, reporters_changed
from reports.models import Action, Appeal, Case, ContentType, Decision, Proposal, Report, StatementOfReasons
from reports.services.cases import lock_case, open_case
from reports.services.claiming import require_moderator, require_no_part
from reports.services.deciding import (
    lock_decision,
    make_decision,
    propose_to_take_back,
    reopen_reports,
    restore_content,
    reverse,
    settle_appeals,
)
from reports.services.duties import is_down_by_two, took_two
from reports.services.sanctions import SANCTIONS
from reports.services.statements import announce, appealable_until, authors_of, is_appealable
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, InvalidTransition, NotFound, PermissionDenied
from trustengine.jobs.services import enqueue, publish
from trustengine.text import normalised

Role = StatementOfReasons.Role
PERMISSION = "reports.rule_appeal"


@transaction.atomic
def appeal(decision_id: UUID, *, appellant: User, text: str) -> Appeal:
    """Appeal against a decision that one was told of: as the author of what it limits, or as a reporter of it.

    Suspended users may appeal. Raises NotFound for a decision that does not concern the
    appellant, InvalidInput without a text, AppealWindowClosed, AlreadyAppealed,
    InvalidTransition for one that does not stand any more.
    """
    decision = Decision.objects.select_related("reason").filter(pk=decision_id).first()
    role = None if decision is None else role_of(decision, appellant)
    if decision is None or role is None:
        raise NotFound
    cleaned = normalised(text)
    if not cleaned:
        raise InvalidInput(fields={"text": "Say why the decision is wrong."})
    if _has_appealed(decision, appellant, role):
        raise AlreadyAppealed
    if appealable_until(decision) < database_now():
        raise AppealWindowClosed
    case = open_case(decision.content_type, decision.content_id, queue=Case.Queue.APPEALS, author_id=decision.author_id)
    decision = lock_decision(decision_id)
    if hasattr(decision, "superseded_by"):
        raise InvalidTransition("This decision does not stand any more.")
    if _has_appealed(decision, appellant, role):  # under the decision's lock: a colleague may just have done it
        raise AlreadyAppealed
    try:
        with transaction.atomic():
            made = Appeal.objects.create(decision=decision, case=case, appellant=appellant, role=role, text=cleaned)
    except IntegrityError as error:
        raise AlreadyAppealed from error
    record("appeal.made", made, actor=appellant, after={"decision": decision.pk, "case": case.pk, "role": role})
    _follow(decision)
    publish("reports.appeal_made", appeal_id=made.pk, decision_id=decision.pk)
    return made


def _has_appealed(decision: Decision, user: User, role: str) -> bool:
    """Whether there is an appeal of the user's, or of a vendor's product by any member: the vendor has one."""
    appeals = Appeal.objects.filter(decision=decision)
    if role == Role.AUTHOR and decision.content_type == ContentType.PRODUCT:
        return appeals.filter(role=role).exists()
    return appeals.filter(appellant=user).exists()


def role_of(decision: Decision, user: User) -> str | None:
    """As what a decision concerns a user, in a way that they may appeal against; None if it does not."""
    if is_appealable(decision, Role.AUTHOR) and user.pk in authors_of(decision):
        return Role.AUTHOR
    reported = Report.objects.filter(
        reporter=user, content_type=decision.content_type, content_id=decision.content_id
    ).filter(reviewed_at=decision.created_at)
    if is_appealable(decision, Role.REPORTER) and reported.exists():
        return Role.REPORTER
    return None


@transaction.atomic
def rule(appeal_id: UUID, *, moderator: User, ruling: str, text: str) -> Appeal | Proposal:
    """Uphold a decision, or overturn it: then everything is as it was before.

    By another person than the one who decided first. Overturning what two people decided
    becomes a proposal, which a second person approves. Raises NotFound, PermissionDenied,
    ConflictOfInterest, InvalidInput, InvalidTransition for a ruled one, CaseChanged if the
    content has changed since so that it cannot be put back.
    """
    require_moderator(moderator)
    if not moderator.has_perm(PERMISSION):
        raise PermissionDenied
    if ruling not in {"uphold", "overturn"}:
        raise InvalidInput(fields={"ruling": "One of uphold, overturn."})
    made, decision = _lock_for_ruling(appeal_id, moderator)
    if ruling == "overturn" and took_two(decision):
        case = made.case
        return propose_to_take_back(
            case, decision, action=Action.OVERTURN, by=moderator, text=normalised(text), appeal=made
        )
    waiting = Proposal.objects.filter(appeal=made, state=Proposal.State.OPEN)
    if waiting.exists():
        raise InvalidTransition("A second person is asked to overturn this: refuse that proposal first.")
    return _settle(made, decision, moderator, overturned=ruling == "overturn", text=normalised(text))


def overturn_as_second(appeal_id: UUID, *, approver: User, text: str) -> Decision:
    """Overturn what two people decided, as the second one who says so. Raises what ``rule`` raises."""
    if not approver.has_perm(PERMISSION):
        raise PermissionDenied
    made, decision = _lock_for_ruling(appeal_id, approver)
    ruled = _settle(made, decision, approver, overturned=True, text=text)
    return ruled.ruling  # type: ignore[return-value]


def _lock_for_ruling(appeal_id: UUID, moderator: User) -> tuple[Appeal, Decision]:
    """Lock a pending appeal that this person may rule on, and the decision that it is against."""
    found = Appeal.objects.filter(pk=appeal_id).first()
    if found is None:
        raise NotFound
    lock_case(found.case_id)
    decision = lock_decision(found.decision_id)
    made = Appeal.objects.get(pk=appeal_id)
    if made.state != Appeal.State.PENDING:
        raise InvalidTransition("This appeal has been ruled on.")
    if moderator.pk in {decision.moderator_id, _proposer_of(decision)}:
        raise PermissionDenied("Somebody else than the first moderator rules on an appeal.")
    if made.appellant_id == moderator.pk:
        raise ConflictOfInterest("You cannot rule on what is your own.")
    require_no_part(moderator, made.case)
    return made, decision


def _settle(made: Appeal, decision: Decision, moderator: User, *, overturned: bool, text: str) -> Appeal:
    if overturned:
        made.ruling = _overturn(made, decision, moderator)
    made.state = Appeal.State.OVERTURNED if overturned else Appeal.State.UPHELD
    made.ruling_text, made.ruled_by, made.ruled_at = text, moderator, database_now()
    made.save(update_fields=["state", "ruling_text", "ruled_by", "ruled_at", "ruling"])
    after = {"ruling": "overturn" if overturned else "uphold", "decision": decision.pk}
    record("appeal.ruled", made, actor=moderator, after=after)
    publish("reports.appeal_ruled", appeal_id=made.pk, decision_id=decision.pk)
    if not overturned:
        enqueue(mail_ruling, appeal_id=made.pk)
    _follow(decision)
    return made


def _overturn(made: Appeal, decision: Decision, moderator: User) -> Decision:
    """The author gets everything back; for a reporter, the content is looked at anew."""
    if hasattr(decision, "superseded_by"):
        raise InvalidTransition("This decision does not stand any more.")
    if made.role == Role.AUTHOR:
        _give_back(decision, moderator)
    overturned = make_decision(
        made.case,
        content_type=decision.content_type,
        content_id=decision.content_id,
        author_id=decision.author_id,
        action=Action.OVERTURN,
        reason="no_violation" if made.role == Role.AUTHOR else decision.reason_id,
        moderator=moderator,
        before=decision.after if made.role == Role.AUTHOR else {},
        after=decision.before if made.role == Role.AUTHOR else {},
        supersedes=decision,
    )
    if made.role == Role.REPORTER:
        reopen_reports(decision)
    else:
        _reports_were_wrong(decision, overturned)
    settle_appeals(decision, state=Appeal.State.OVERTURNED)
    announce(overturned)
    return overturned


def _give_back(decision: Decision, moderator: User) -> None:
    """Put back what a decision took. What two people have removed since stays down: theirs is another decision."""
    is_about_content = decision.action not in SANCTIONS
    if is_about_content and not took_two(decision) and is_down_by_two(decision.content_type, decision.content_id):
        return
    try:
        with transaction.atomic():
            reverse(decision, actor=moderator)
    except CaseChanged:  # months may have passed
        restore_content(decision, actor=moderator)


def _reports_were_wrong(decision: Decision, overturned: Decision) -> None:
    """What was reported turned out to be in order: so says the outcome, and so counts the reporters' record."""
    settled = Report.objects.filter(
        content_type=decision.content_type,
        content_id=decision.content_id,
        status=Report.Status.ACTIONED,
        reviewed_at=decision.created_at,
    )
    reporters_changed(list(settled.values_list("reporter", flat=True)))
    settled.update(
        status=Report.Status.DISMISSED,
        reviewed_at=overturned.created_at,
        reviewed_by=overturned.moderator,
        updated_at=database_now(),
    )


def _proposer_of(decision: Decision) -> UUID | None:
    proposal = getattr(decision, "proposal", None)
    return proposal and proposal.proposed_by_id


def _follow(decision: Decision) -> None:
    enqueue(follow_case, key=f"{decision.content_type}:{decision.content_id}")
