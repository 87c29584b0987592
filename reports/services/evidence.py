"""Files that reporters add to their reports. A file is written before its row, and deleted after the row is gone.

Storage knows no transactions: what a crash leaves in between is a file without a row,
which the sweep of orphans finds.
"""

from typing import IO
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from billing.services.uploads import upload_room
from reports.contents import kind_of
from reports.measuring import Measured, measured
from reports.models import Evidence, Report
from reports.models.report import new_name
from reviews import files
from trustengine.accounts.access import require_good_standing
from trustengine.accounts.models import Profile, User
from trustengine.audit.services import record
from trustengine.errors import InvalidTransition, NotFound, TryAgain
from trustengine.jobs.services import enqueue, publish

logger = structlog.get_logger(__name__)


def add_evidence(report_id: UUID, *, reporter: User, file: IO[bytes], size: int) -> tuple[Evidence, bool]:
    """Add a PDF or a picture to one's own pending report; False beside it if the report has it already.

    Raises NotFound for another's report, FileTooLarge, FileTypeNotAllowed, InvalidTransition
    for a decided report or one file too many, QuotaExceeded where the reporter's plan has no
    room, AccountSuspended, TryAgain.
    """
    require_good_standing(reporter)
    _own_pending(report_id, reporter)  # before any work is done for them
    # Theirs, and not the vendor's, whose plan may have no room for evidence against them.
    profile_id = Profile.objects.filter(user=reporter).values_list("pk", flat=True).first()
    with upload_room(profile_id, size=size) as room:
        taken = measured(file, size=size)
        name = new_name(taken.ending)
        files.store(name, taken.data)
        kept = False
        try:
            with transaction.atomic():
                evidence, is_new = _attach(report_id, reporter, taken, name)
                if is_new:
                    size, pages = evidence.byte_count, evidence.page_count
                    room.settle(source="evidence", file_id=evidence.pk, size=size, pages=pages)
                kept = is_new  # whatever becomes of the commit, a row may name the file from here on
        finally:
            if not kept:
                _discard(name)
    return evidence, kept


def delete_evidence_of(report: Report, *, actor: User | None) -> int:
    """Delete all files of a report in the caller's transaction, the stored bytes after it; returns how many."""
    from reports.jobs import delete_evidence_files

    gone = list(report.evidence.all())
    if not gone:
        return 0
    report.evidence.all().delete()
    for evidence in gone:
        record("report.evidence_deleted", report, actor=actor, before={"evidence": evidence.pk})
        publish("reports.evidence_deleted", evidence_id=evidence.pk, report_id=report.pk, bytes=evidence.byte_count)
    enqueue(delete_evidence_files, names=[evidence.file for evidence in gone])
    return len(gone)


def _own_pending(report_id: UUID, reporter: User, *, lock: bool = False) -> Report:
    reports = Report.objects.visible_to(reporter)
    if lock:
        reports = reports.select_for_update(of=("self",), no_key=True)
    report = reports.filter(pk=report_id).first()
    if report is None:
        raise NotFound
    if report.status != Report.Status.PENDING:
        raise InvalidTransition("This report does not wait for a decision any more.")
    return report


def _attach(report_id: UUID, reporter: User, taken: Measured, name: str) -> tuple[Evidence, bool]:
    report = _own_pending(report_id, reporter, lock=True)
    if (same := report.evidence.filter(sha256=taken.sha256).first()) is not None:
        return same, False
    if report.evidence.count() >= settings.EVIDENCE_MAX_FILES:
        raise InvalidTransition(f"A report holds at most {settings.EVIDENCE_MAX_FILES} files.")
    evidence = Evidence.objects.create(
        report=report,
        kind=taken.kind,
        content_type=taken.content_type,
        file=name,
        byte_count=len(taken.data),
        page_count=taken.pages,
        sha256=taken.sha256,
    )
    measures = {"bytes": evidence.byte_count, "pages": evidence.page_count}
    record("report.evidence_added", report, actor=reporter, after={"evidence": evidence.pk, **measures})
    content = kind_of(report.content_type).get(report.content_id)
    publish(
        "reports.evidence_added",
        evidence_id=evidence.pk,
        report_id=report.pk,
        profile_id=Profile.objects.filter(user=reporter).values_list("pk", flat=True).first(),
        vendor_id=content and kind_of(report.content_type).vendor_id(content),
        **measures,
    )
    return evidence, True


def _discard(name: str) -> None:
    try:
        files.delete(name)
    except TryAgain:
        logger.warning("orphan_left", file=name)  # the sweep finds it
