"""Deleting reports for good: an exception for what should never have been kept, such as a report full of data."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from reports.contents import kind_of
from reports.jobs import follow_case, reporters_changed
from reports.models import Report
from reports.services.cases import lock_case
from reports.services.evidence import delete_evidence_of
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.errors import PermissionDenied
from trustengine.jobs.services import enqueue

PERMISSION = "reports.delete_report"


def delete_reports(report_ids: Iterable[UUID], *, actor: User, reason: str) -> int:
    """Delete reports with their files; the counts of their contents fall with them. Returns how many.

    Each in a transaction of its own, in the order of their ids; those that are gone are no
    matter. No group has the permission: a superuser grants it. Raises PermissionDenied.
    """
    if not actor.has_perm(PERMISSION):
        raise PermissionDenied
    return sum(_delete(report_id, actor, reason) for report_id in sorted(report_ids))


@transaction.atomic
def _delete(report_id: UUID, actor: User, reason: str) -> int:
    found = Report.objects.filter(pk=report_id).first()
    if found is None:
        return 0
    if found.case_id is not None:
        lock_case(found.case_id)
    if Report.objects.standing().filter(pk=report_id).exists():
        kind_of(found.content_type).count(found.content_id, -1)  # before the report's own row, as everywhere
    report = Report.objects.select_for_update(of=("self",)).filter(pk=report_id).first()
    if report is None:  # somebody else has just deleted it, and moved the count
        transaction.set_rollback(True)
        return 0
    delete_evidence_of(report, actor=actor)
    before = {"content": f"{report.content_type}:{report.content_id}", "status": report.status}
    record("report.deleted", report, actor=actor, before=before, reason=reason)
    report.delete()
    reporters_changed([report.reporter_id])
    enqueue(follow_case, key=f"{report.content_type}:{report.content_id}")
    return 1
