"""What reports take away of a person: what they reported, and the words they wrote to moderators."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from reports.jobs import reporters_changed
from reports.models import Appeal, Report
from reports.services.cases import lock_case
from reports.services.evidence import delete_evidence_of
from reports.services.reporting import take_back
from trustengine.audit.services import record

Status = Report.Status


def forget_reporter(user_id: UUID, batch: int) -> int:
    """Blank what a user reported, files included, and withdraw what waits, with counts exact; how many were left.

    A batch at a time, each report in a transaction of its own; 0 when nothing is left to do. Decided reports
    stay as rows without words: they say what a decision rested on.
    """
    theirs = Report.objects.filter(reporter=user_id)
    left = theirs.exclude(description="", snapshot={}, evidence=None).union(theirs.filter(status=Status.PENDING))
    ids = sorted(left.values_list("pk", flat=True)[:batch])
    for report_id in ids:
        _forget(report_id)
    if not ids:
        Appeal.objects.filter(appellant=user_id).exclude(text="").update(text="")
        reporters_changed([user_id])
    return len(ids)


@transaction.atomic
def _forget(report_id: UUID) -> None:
    found = Report.objects.get(pk=report_id)
    if found.case_id is not None:
        lock_case(found.case_id)
    report = Report.objects.get(pk=report_id)
    if report.status == Status.PENDING:
        take_back(report, actor=None)
    delete_evidence_of(report, actor=None)
    Report.objects.filter(pk=report_id).update(description="", snapshot={}, updated_at=timezone.now())
    record("report.erased", report)
