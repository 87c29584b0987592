"""What reports derive, against their rows."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from orders.models import Product
from reports.contents import KINDS
from reports.jobs import recompute_reporter
from reports.models import Report, ReporterRecord
from reports.records import derive, recompute
from reports.services.cases import lock_open_case
from reviews.models import Review, VendorReply
from trustengine.accounts.models import User
from trustengine.bulk import Among
from trustengine.jobs.runner import lock_key
from trustengine.operations.registry import Drift, Reconciler, reconciler

COMPARE = """
    SELECT content.id, content.report_count, count(report.id)::int
    FROM {table} AS content LEFT JOIN reports_report AS report
        ON report.content_type = %(kind)s AND report.content_id = content.id AND report.status <> 'withdrawn'
    WHERE content.id = ANY(%(ids)s)
    GROUP BY content.id, content.report_count
    HAVING content.report_count <> count(report.id)
    ORDER BY content.id
"""
MODELS: dict[str, Any] = {"review": Review, "reply": VendorReply, "product": Product}


class Keys:
    """The keys of several tables, by the few verbs of a queryset that going through them page by page takes."""

    def __init__(self, *sources: Any) -> None:
        self.sources = sources

    def filter(self, **conditions: Any) -> Self:
        return type(self)(*(source.filter(**conditions) for source in self.sources))

    def order_by(self, *names: str) -> Self:
        return type(self)(*(source.order_by(*names) for source in self.sources))

    def values_list(self, *names: str, flat: bool) -> Self:
        return type(self)(*(source.values_list(*names, flat=flat) for source in self.sources))

    def count(self) -> int:
        return sum(source.count() for source in self.sources)

    def __getitem__(self, page: slice) -> list[UUID]:
        return sorted(key for source in self.sources for key in source[page])[page]


@reconciler("reports")
class ReportCounts(Reconciler):
    """report_count of reviews, replies and products against the reports, and reporters' records against outcomes."""

    about = "reports.report"
    job = recompute_reporter

    def rows(self) -> QuerySet[Any]:
        reported = Report.objects.filter(reporter=OuterRef("pk"))
        recorded = ReporterRecord.objects.filter(user=OuterRef("pk"))
        return _keys(*(model.objects.all() for model in MODELS.values()), _users(Exists(reported) | Exists(recorded)))

    def changed(self, since: datetime) -> QuerySet[Any]:
        recent = Report.objects.filter(updated_at__gte=since)
        contents = [
            model.objects.filter(
                Q(updated_at__gte=since) | Exists(recent.filter(content_type=name, content_id=OuterRef("pk")))
            )
            for name, model in MODELS.items()
        ]
        recorded = ReporterRecord.objects.filter(user=OuterRef("pk"), computed_at__gte=since)
        reporters = _users(Exists(recent.filter(reporter=OuterRef("pk"))) | Exists(recorded))
        return _keys(*contents, reporters)

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        for name, model in MODELS.items():
            with connection.cursor() as cursor:
                cursor.execute(COMPARE.format(table=model._meta.db_table), {"kind": name, "ids": list(ids)})
                rows = cursor.fetchall()
            for content, found, expected in rows:
                yield Drift(content, {"content": name, "report_count": expected}, {"report_count": found})
        yield from _records(ids)

    def lock(self, key: UUID) -> None:
        """The open case and the content, as whoever reports or withdraws; for a reporter, the turn of their job."""
        lock_key(recompute_reporter, str(key))
        for name, model in MODELS.items():
            lock_open_case(name, key)
            list(model.objects.select_for_update(of=("self",), no_key=True).filter(pk=key).values_list("pk"))

    def repair(self, drift: Drift) -> None:
        if "content" not in drift.expected:
            recompute([drift.key])
            return
        kind = KINDS[drift.expected["content"]]
        kind.model._default_manager.filter(pk=drift.key).update(report_count=drift.expected["report_count"])


def _records(ids: Sequence[UUID]) -> Iterable[Drift]:
    expected = derive(ids)
    stored = ReporterRecord.objects.filter(Among("user", ids)).values_list("user", "actioned", "dismissed")
    found = {user: (actioned, dismissed) for user, actioned, dismissed in stored}
    for user in sorted(expected.keys() | found.keys()):
        if expected.get(user) != found.get(user):
            yield Drift(user, _told(expected.get(user)), _told(found.get(user)))


def _told(record: tuple[int, int] | None) -> dict[str, int]:
    return {} if record is None else {"actioned": record[0], "dismissed": record[1]}


def _users(condition: Any) -> QuerySet[User]:
    return User.objects.filter(condition)


def _keys(*sources: Any) -> Any:
    return Keys(*sources)
