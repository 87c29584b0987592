from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import QuerySet

from metrics.calendar import days_within
from metrics.models import PlatformDaily
from metrics.rebuilding import rebuild_days
from trustengine.operations.backfilling import Applied, Backfill, Change, Days, backfill

# A batch is a transaction that holds the locks of its days: short ones let traffic through.
MOST_DAYS = 7


@backfill("metrics")
class MetricDays(Backfill):
    """Every row of these days, anew from the orders and reviews, under their locks.

    Two at once do no harm: each row is made from the facts under its lock.
    """

    about = "metrics.day"

    def rows(self, days: Days) -> QuerySet[Any]:
        return PlatformDaily.objects.filter(**days.within("day"))

    def keys(self, days: Days, *, after: str, limit: int) -> Sequence[Any]:
        last = date.fromisoformat(after) if after else None
        found = days_within(days, after=last, limit=min(limit, MOST_DAYS))
        return [day.isoformat() for day in found]

    def count(self, days: Days) -> int:
        return len(days_within(days, after=None, limit=10**6))

    def apply(self, keys: Sequence[Any]) -> Applied:
        days = [date.fromisoformat(key) for key in keys]
        before = _totals(days)
        changed = rebuild_days(days)
        after = _totals(days)
        return Applied([Change(str(day), before.get(day, {}), after.get(day, {})) for day in sorted(changed)])


def _totals(days: Sequence[date]) -> dict[date, dict[str, Any]]:
    """What a change of a day is told by: the platform's orders and money, for each currency."""
    told: dict[date, dict[str, Any]] = {}
    rows = PlatformDaily.objects.filter(day__in=days).order_by("day", "currency")
    for day, currency, orders, gmv in rows.values_list("day", "currency", "orders", "gmv_cents"):
        told.setdefault(day, {})[currency] = {"orders": orders, "gmv_cents": gmv}
    return told
