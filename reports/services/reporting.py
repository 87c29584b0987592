"""Reporting and taking a report back. ``report_count`` moves in the same transaction as the row it counts."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from reports.contents import kind_of
from reports.errors import AlreadyReported, SelfReportProhibited
from reports.jobs import follow_case
from reports.models import Case, ReasonCode, Report
from reports.services.cases import lock_case, open_case, refresh
from trustengine.accounts.access import require_good_standing
from trustengine.accounts.models import User
from trustengine.api.limits import DAY, Limit, WithoutRedis
from trustengine.audit.services import record
from trustengine.errors import InvalidInput, InvalidTransition, NotFound
from trustengine.jobs.services import enqueue, publish
from trustengine.text import normalised

# Each one costs a moderator's time, so the limit holds without Redis too.
REPORTS = Limit("reports", "REPORTS_PER_MINUTE", WithoutRedis.DATABASE)
REPORTS_OF_A_DAY = Limit("reports-day", "REPORTS_PER_DAY", WithoutRedis.DATABASE, DAY)


def submit_report(*, reporter: User, content_type: str, content_id: UUID, reason: str, description: str = "") -> Report:
    """Take a report, with the content as it is now, and open or feed its case.

    Locks the case, then the content's row for its count. Raises InvalidInput for an unknown
    type or reason, NotFound or ReviewNotFound for what the reporter cannot see,
    SelfReportProhibited, AlreadyReported, AccountSuspended, RateLimitExceeded.
    """
    require_good_standing(reporter)
    kind = kind_of(content_type)
    catalogued = ReasonCode.objects.filter(code=reason, for_reports=True, is_active=True).first()
    if catalogued is None:
        raise InvalidInput(fields={"reason": "Not a reason to report for."})
    REPORTS.count(reporter.pk)
    REPORTS_OF_A_DAY.count(reporter.pk)
    with transaction.atomic():
        content = kind.get(content_id)
        if content is None or not kind.is_visible(content, reporter):
            raise kind.not_found
        if kind.is_own(content, reporter):
            raise SelfReportProhibited
        if Report.objects.filter(reporter=reporter, content_type=content_type, content_id=content_id).exists():
            raise AlreadyReported  # before a case is locked for nothing
        case = open_case(content_type, content_id, queue=Case.Queue.REPORTS, author_id=kind.author_id(content))
        kind.count(content_id, +1)
        content = kind.get(content_id)  # the row is locked by now: what is seen here is what is reported
        if content is None or not kind.is_visible(content, reporter):
            raise kind.not_found
        try:
            with transaction.atomic():
                report = Report.objects.create(
                    reporter=reporter,
                    content_type=content_type,
                    content_id=content_id,
                    case=case,
                    reason=catalogued,
                    description=normalised(description),
                    snapshot=kind.snapshot(content),
                )
        except IntegrityError as error:
            raise AlreadyReported from error
        refresh(case, kind, content, queue=None if case.queue == Case.Queue.APPEALS else Case.Queue.REPORTS)
        after: dict[str, Any] = {"content": f"{content_type}:{content_id}", "reason": reason, "case": case.pk}
        record("report.submitted", report, actor=reporter, after=after)
        publish("reports.report_submitted", report_id=report.pk, case_id=case.pk)
    return report


@transaction.atomic
def withdraw_report(report_id: UUID, *, reporter: User) -> None:
    """Take one's own pending report back; its row stays, so that it cannot be repeated.

    Idempotent. Raises NotFound for another's, InvalidTransition for a decided one.
    """
    found = Report.objects.visible_to(reporter).filter(pk=report_id).first()
    if found is None:
        raise NotFound
    if found.case_id is not None:
        lock_case(found.case_id)
    report = Report.objects.get(pk=report_id)
    if report.status == Report.Status.WITHDRAWN:
        return
    if report.status == Report.Status.MOOT:
        raise InvalidTransition("This report does not wait any more: what was reported has been taken back.")
    if report.status != Report.Status.PENDING:
        raise InvalidTransition("This report has been decided.")
    take_back(report, actor=reporter)


def take_back(report: Report, *, actor: User | None) -> None:
    """Withdraw a pending report whose case is locked: its content's count falls with it."""
    kind_of(report.content_type).count(report.content_id, -1)
    changed = Report.objects.filter(pk=report.pk, status=Report.Status.PENDING).update(status=Report.Status.WITHDRAWN)
    if not changed:
        raise InvalidTransition("This report has been decided.")
    record("report.withdrawn", report, actor=actor, before={"status": "pending"}, after={"status": "withdrawn"})
    enqueue(follow_case, key=f"{report.content_type}:{report.content_id}")
