"""Statements of reasons (Digital Services Act, article 17): what each person concerned is told of a decision.

Written when the time for undoing is over, from the decision and the catalogue as they are
then, and kept as they were told.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from orders.models import Product
from reports.models import Action, Appeal, ContentType, Decision, Proposal, Report, StatementOfReasons
from reports.services.quoting import in_words, text_judged, text_reported
from reviews.models import Restriction
from trustengine.accounts.models import Membership, User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.jobs.services import enqueue, publish

Role = StatementOfReasons.Role
AGAINST_AUTHOR = frozenset({"reject", "hide", "remove", "restrict", "warn", "suspend"})
SILENT = frozenset({Action.UNDO})
SUBJECTS = {Role.AUTHOR: "A decision about what you published", Role.REPORTER: "The outcome of your report"}


def is_appealable(decision: Decision, role: str) -> bool:
    """Whether a decision is of a kind that somebody may appeal against in this role, its time apart."""
    if decision.action in {Action.UNDO, Action.OVERTURN}:
        return False
    return (decision.action in AGAINST_AUTHOR) == (role == Role.AUTHOR)


def announce(decision: Decision) -> None:
    """Have those concerned told after the grace period, unless the decision is undone by then."""
    from reports.jobs import deliver_statements

    if decision.action in SILENT:
        return
    enqueue(deliver_statements, key=decision.pk, run_at=decision.notice_after)
    publish("reports.decision_taken", decision_id=decision.pk, author_id=decision.author_id)


@transaction.atomic
def deliver(decision_id: UUID) -> list[StatementOfReasons]:
    """Write the statements of a decision that still stands, each once, and enqueue their mails."""
    from reports.jobs import mail_statement

    # Who undoes locks it as well: either this sees the undoing, or that sees that its time is over.
    decisions = Decision.objects.select_for_update(of=("self",), no_key=True).select_related("reason", "text")
    decision = decisions.filter(pk=decision_id).first()
    if decision is None or Decision.objects.filter(supersedes=decision, action=Action.UNDO).exists():
        return []
    _end_late_undos(decision)
    made = []
    for recipient, role in _concerned(decision):
        statement, is_new = StatementOfReasons.objects.get_or_create(
            decision=decision,
            recipient_id=recipient,
            role=role,
            defaults={"text": compose(decision, role), "about": _about(decision, recipient, role)},
        )
        if is_new:
            record("statement.made", statement, after={"decision": decision.pk, "role": role})
            enqueue(mail_statement, statement_id=statement.pk)
            made.append(statement)
    return made


def _end_late_undos(decision: Decision) -> None:
    """Withdraw proposals to undo a decision, when it is told and their time is over."""
    late = Proposal.objects.filter(undoes=decision, action=Action.UNDO, state=Proposal.State.OPEN)
    for proposal in late:
        proposal.state, proposal.settled_at = Proposal.State.WITHDRAWN, database_now()
        proposal.save(update_fields=["state", "settled_at"])
        record("proposal.withdrawn", proposal, reason="too_late")


def full_text(statement: StatementOfReasons) -> str:
    """What a mail says: the statement, and after its first sentence which text it is about."""
    opening, gap, rest = statement.text.partition("\n\n")
    about = in_words(statement.about, statement.decision.content_type)
    return "\n\n".join(part for part in (opening, about, rest) if part) if gap else statement.text


def _about(decision: Decision, recipient: UUID, role: str) -> dict[str, Any]:
    """For an author the text that was judged; for a reporter what they have reported, as they saw it."""
    if role == Role.AUTHOR:
        return text_judged(decision)
    report = Report.objects.filter(
        reporter=recipient, content_type=decision.content_type, content_id=decision.content_id
    ).first()
    return text_reported(report) if report else {}


def appealable_until(decision: Decision) -> datetime:
    """When the time for an appeal against a decision ends."""
    return decision.created_at + timedelta(days=settings.APPEAL_DAYS)


def appeal_address(decision_id: UUID) -> str:
    """Where an appeal against a decision is sent to."""
    return f"{settings.PUBLIC_URL}{reverse('decision-appeal', args=[decision_id])}"


def compose(decision: Decision, role: str) -> str:
    """What is told: the measure, the facts, the ground, whether a machine decided, and what can be done."""
    context = {
        "decision": decision,
        "reason": decision.reason,
        # What was done is told to its author; a reporter may know the outcome, not what was said about somebody else.
        "facts": getattr(getattr(decision, "text", None), "facts", "") if role == Role.AUTHOR else "",
        "kind": decision.content_type,
        "role": role,
        "found_nothing": decision.action not in AGAINST_AUTHOR,
        # An author's successful appeal is told to the reporters too: for them it is bad news, and not their appeal.
        "authors_appeal": decision.supersedes is not None and decision.supersedes.action in AGAINST_AUTHOR,
        "appealable": is_appealable(decision, role),
        "marketplace": settings.MARKETPLACE_NAME,
        "appeal_days": settings.APPEAL_DAYS,
        "appeal_address": appeal_address(decision.pk),
        "appealable_until": appealable_until(decision),
    }
    return render_to_string("reports/statement.txt", context).strip()


def mail(statement_id: UUID) -> None:
    """Send one statement by e-mail, once; ``me/decisions/`` has it anyway."""
    statement = StatementOfReasons.objects.select_related("recipient", "decision").get(pk=statement_id)
    recipient = statement.recipient
    if not (recipient.email and recipient.is_active):
        return
    row = StatementOfReasons.objects.filter(pk=statement_id)
    _send_once(row, SUBJECTS[Role(statement.role)], full_text(statement), recipient.email)


def mail_ruling(appeal_id: UUID) -> None:
    """Tell an appellant that the decision stands. Where it does not, a decision says so, and is told as any other."""
    appeal = Appeal.objects.select_related("appellant", "decision").get(pk=appeal_id)
    appellant = appeal.appellant
    if appeal.state != Appeal.State.UPHELD or not (appellant.email and appellant.is_active):
        return
    about = _about(appeal.decision, appellant.pk, appeal.role)
    context = {
        "appeal": appeal,
        "marketplace": settings.MARKETPLACE_NAME,
        "about": in_words(about, appeal.decision.content_type),
    }
    body = render_to_string("reports/ruling.txt", context).strip()
    _send_once(Appeal.objects.filter(pk=appeal_id), "The outcome of your appeal", body, appellant.email)


def _send_once(row: QuerySet[Any], subject: str, body: str, address: str) -> None:
    """Send a mail whose row says whether it has left. Marked first: rather a mail too few than twice."""
    if not row.filter(mailed_at=None).update(mailed_at=database_now()):
        return
    try:
        EmailMultiAlternatives(subject=subject, body=body, to=[address]).send()
    except Exception:
        row.update(mailed_at=None)  # the job tries again
        raise


def _concerned(decision: Decision) -> list[tuple[UUID, str]]:
    """Who is told: the author of a decision against or for them, and whoever reported what it settled."""
    concerned: list[tuple[UUID, str]] = []
    appealed = list(
        Appeal.objects.filter(decision=decision.supersedes_id).values_list("appellant", "role")
        if decision.supersedes_id
        else []
    )
    if decision.action == Action.OVERTURN:
        concerned += [(user, role) for user, role in appealed]
    elif decision.action != Action.DISMISS and not _is_excepted(decision):
        concerned += [(author, Role.AUTHOR) for author in authors_of(decision)]
    reporters = Report.objects.filter(
        content_type=decision.content_type, content_id=decision.content_id, reviewed_at=decision.created_at
    )
    concerned += [(reporter, Role.REPORTER) for reporter in reporters.values_list("reporter", flat=True)]
    concerned = sorted(set(concerned))
    active = set(
        User.objects.filter(pk__in=[user for user, _ in concerned], is_active=True).values_list("pk", flat=True)
    )
    return [(user, role) for user, role in concerned if user in active]


def authors_of(decision: Decision) -> list[UUID]:
    """Whose content a decision is about: its author, or of a product all members of its vendor."""
    if decision.content_type != ContentType.PRODUCT:
        return [decision.author_id] if decision.author_id else []
    product = Product.objects.filter(pk=decision.content_id)
    members = Membership.objects.filter(profile__in=product.values("vendor")).order_by("user")
    return list(members.values_list("user", flat=True))


def _is_excepted(decision: Decision) -> bool:
    """A restriction whose author need not be told (article 17(2)), as recorded when it was imposed."""
    restriction = decision.after.get("restriction")
    if decision.action != Action.RESTRICT or not restriction:
        return False
    return Restriction.objects.filter(pk=restriction, is_notified=False).exists()
