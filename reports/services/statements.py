"""Statements of reasons (Digital Services Act, article 17): what each person concerned is told of a decision.

Written when the time for undoing is over, from the decision and the catalogue as they are
then, and kept as they were told.
"""

from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from reports.models import Action, Decision, Report, StatementOfReasons
from reviews.models import Restriction
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.jobs.services import enqueue, publish

Role = StatementOfReasons.Role
SILENT = frozenset({Action.UNDO})
SUBJECTS = {Role.AUTHOR: "A decision about what you published", Role.REPORTER: "The outcome of your report"}


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

    decision = Decision.objects.select_related("reason", "text").filter(pk=decision_id).first()
    if decision is None or Decision.objects.filter(supersedes=decision, action=Action.UNDO).exists():
        return []
    made = []
    for recipient, role in _concerned(decision):
        statement, is_new = StatementOfReasons.objects.get_or_create(
            decision=decision, recipient_id=recipient, role=role, defaults={"text": compose(decision, role)}
        )
        if is_new:
            record("statement.made", statement, after={"decision": decision.pk, "role": role})
            enqueue(mail_statement, statement_id=statement.pk)
            made.append(statement)
    return made


def compose(decision: Decision, role: str) -> str:
    """What is told: the measure, the facts, the ground, whether a machine decided, and what can be done."""
    content = {"review": "your review", "reply": "your reply", "product": "your product"}[decision.content_type]
    context = {
        "decision": decision,
        "reason": decision.reason,
        "facts": getattr(getattr(decision, "text", None), "facts", ""),
        "content": content if role == Role.AUTHOR else content.replace("your", "the"),
        "role": role,
        "marketplace": getattr(settings, "MARKETPLACE_NAME", "the marketplace"),
        "appeal_days": settings.APPEAL_DAYS,
    }
    return render_to_string("reports/statement.txt", context).strip()


def mail(statement_id: UUID) -> None:
    """Send one statement. Marked first: rather a mail too few than twice, as ``me/decisions/`` has it anyway."""
    statement = StatementOfReasons.objects.select_related("recipient").get(pk=statement_id)
    recipient = statement.recipient
    if not (recipient.email and recipient.is_active):
        return
    if not StatementOfReasons.objects.filter(pk=statement_id, mailed_at=None).update(mailed_at=timezone.now()):
        return
    message = EmailMultiAlternatives(subject=SUBJECTS[Role(statement.role)], body=statement.text, to=[recipient.email])
    try:
        message.send()
    except Exception:
        StatementOfReasons.objects.filter(pk=statement_id).update(mailed_at=None)  # the job tries again
        raise


def _concerned(decision: Decision) -> list[tuple[UUID, str]]:
    """Who is told: the author of a decision against or for them, and whoever reported what it settled."""
    concerned: list[tuple[UUID, str]] = []
    if decision.author_id and decision.action != Action.DISMISS and not _is_excepted(decision):
        concerned.append((decision.author_id, Role.AUTHOR))
    reporters = Report.objects.filter(
        content_type=decision.content_type, content_id=decision.content_id, reviewed_at=decision.created_at
    )
    concerned += [(reporter, Role.REPORTER) for reporter in reporters.values_list("reporter", flat=True)]
    active = set(
        User.objects.filter(pk__in=[user for user, _ in concerned], is_active=True).values_list("pk", flat=True)
    )
    return [(user, role) for user, role in concerned if user in active]


def _is_excepted(decision: Decision) -> bool:
    """A restriction whose author need not be told (article 17(2)), as recorded when it was imposed."""
    restriction = decision.after.get("restriction")
    if decision.action != Action.RESTRICT or not restriction:
        return False
    return Restriction.objects.filter(pk=restriction, is_notified=False).exists()
