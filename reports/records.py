"""What became of each reporter's reports: derived, like every count."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, Q

from reports.models import Report, ReporterRecord
from reviews.reputation import report_record
from trustengine.database_time import database_now


@report_record
def derive(users: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    """(actioned, dismissed) of each of these reporters who has a decided report by a person.

    Moot reports, whose content was withdrawn before anybody looked, say nothing about the
    reporter: they have no reviewer and do not count.
    """
    decided = Report.objects.filter(reporter__in=users, reviewed_by__isnull=False).order_by()
    rows = decided.values_list("reporter").annotate(
        actioned=Count("pk", filter=Q(status=Report.Status.ACTIONED)),
        dismissed=Count("pk", filter=Q(status=Report.Status.DISMISSED)),
    )
    return {user: (actioned, dismissed) for user, actioned, dismissed in rows}


def recompute(users: Sequence[UUID]) -> None:
    """Store the derived records, and drop those of reporters without a decided report."""
    derived, now = derive(users), database_now()
    rows = [
        ReporterRecord(user_id=user, actioned=derived[user][0], dismissed=derived[user][1], computed_at=now)
        for user in sorted(derived)
    ]
    fields = ["actioned", "dismissed", "computed_at"]
    ReporterRecord.objects.bulk_create(rows, update_conflicts=True, unique_fields=["user"], update_fields=fields)
    ReporterRecord.objects.filter(user__in=[user for user in users if user not in derived]).delete()
