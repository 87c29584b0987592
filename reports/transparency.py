"""What a marketplace publishes about its moderation: counts by month, computed from the rows when asked.

Decisions that were undone within their grace period never took effect and are left out.
Those that an appeal overturned were taken, and count; the appeals say how many. Counts
name nobody; where an operator finds small ones telling, ``TRANSPARENCY_MIN_COUNT`` leaves
out the rows below it and says how many events those were.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Aggregate, Count, DurationField, F, QuerySet
from django.db.models.functions import TruncMonth
from django.utils import timezone

from reports.models import Action, Appeal, Decision, Report

Rows = list[dict[str, Any]]


class Median(Aggregate):
    """The middle value, interpolated between two."""

    template = "percentile_cont(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"


def transparency(first: date, last: date) -> dict[str, Any]:
    """The counts of the months from ``first`` to ``last``, each named by its first day, both included."""
    begins, ends = _start_of(first), _start_of(following(last))
    decisions = Decision.objects.filter(created_at__gte=begins, created_at__lt=ends)
    taken = decisions.exclude(action__in=[Action.UNDO, Action.OVERTURN]).exclude(superseded_by__action=Action.UNDO)
    received = Report.objects.filter(created_at__gte=begins, created_at__lt=ends)
    made = Appeal.objects.filter(created_at__gte=begins, created_at__lt=ends)
    by_hand = taken.filter(automated=False, case__isnull=False)
    waited = by_hand.aggregate(median=Median(F("created_at") - F("case__opened_at"), output_field=DurationField()))
    tables = {
        "decisions": _counted(taken, "content_type", "action", "reason", "automated"),
        "reports": _counted(received, "content_type", "reason"),
        "appeals": _counted(made, "role", "state"),
    }
    return {
        "from": f"{first:%Y-%m}",
        "to": f"{last:%Y-%m}",
        **{name: [row for row in rows if _is_told(row)] for name, rows in tables.items()},
        "left_out": sum(row["count"] for rows in tables.values() for row in rows if not _is_told(row)),
        "totals": {name: sum(row["count"] for row in rows) for name, rows in tables.items()},
        "median_seconds_to_decision": _seconds(waited["median"]),
    }


def month_of(day: date, back: int = 0) -> date:
    """The first day of the month that lies so many months before a day's."""
    number = day.year * 12 + day.month - 1 - back
    return date(number // 12, number % 12 + 1, 1)


def following(month: date) -> date:
    return month_of(month, -1)


def _counted(rows: QuerySet[Any], *names: str) -> Rows:
    counted = rows.annotate(month=TruncMonth("created_at")).order_by().values("month", *names)
    ordered: Iterable[dict[str, Any]] = counted.annotate(count=Count("pk")).order_by("month", *names)
    return [{**row, "month": f"{row['month']:%Y-%m}"} for row in ordered]


def _is_told(row: dict[str, Any]) -> bool:
    return bool(row["count"] >= settings.TRANSPARENCY_MIN_COUNT)


def _start_of(month: date) -> datetime:
    return timezone.make_aware(datetime.combine(month, time()))


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())
