from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from metrics.calendar import days_changed, days_within
from metrics.comparing import Difference, differences, make_anew
from metrics.jobs import follow_orders, follow_reviews, follow_terms
from metrics.models import PlatformDaily
from metrics.touched import products_sold, rating_days_of
from orders.clock import TICKS_OF_HOUR
from orders.services.days import VendorTick
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of
from trustengine.operations.backfilling import Days
from trustengine.operations.registry import Drift, Reconciler, Values, reconciler

ROWS_SHOWN = 5
COPIED_DAYS = """
    SELECT item.id, item.day, item.tick, purchase.day, purchase.tick
    FROM orders_orderitem AS item JOIN orders_order AS purchase
        ON purchase.id = item.order_id AND (purchase.day, purchase.tick) <> (item.day, item.tick)
    ORDER BY item.id LIMIT 100
"""


def key_of(day: date) -> UUID:
    """A day as the key that ``reconcile --id`` takes: its digits, then zeros."""
    return UUID(f"{day:%Y%m%d}-0000-0000-0000-000000000000")


def day_of(key: UUID) -> date | None:
    """The reverse of ``key_of``; None for a key that is no day's."""
    try:
        return datetime.strptime(str(key)[:8], "%Y%m%d").date() if key.int & (2**96 - 1) == 0 else None  # noqa: DTZ007
    except ValueError:
        return None


@reconciler("metrics")
class Metrics(Reconciler):
    """Every row of a day, in all tables, against its orders and reviews. A key is a day of the marketplace."""

    about = "metrics.day"
    most_keys = 4  # of a hundred thousand orders each, a comparison is still one of seconds

    def __init__(self) -> None:
        self._late: set[UUID] = set()

    def rows(self) -> QuerySet[Any]:
        return PlatformDaily.objects.all()

    def changed(self, since: datetime) -> QuerySet[Any]:
        return PlatformDaily.objects.filter(day__in=days_changed(since))

    def page(
        self, *, only: UUID | None = None, since: datetime | None = None, after: UUID | None = None, limit: int
    ) -> Sequence[UUID]:
        if only or since:
            given = {day_of(only)} if only else days_changed(since) if since else set()
            keys = sorted(key_of(day) for day in given if day)
            return [key for key in keys if after is None or key > after][:limit]
        last = day_of(after) if after else None
        return [key_of(day) for day in days_within(Days(), after=last, limit=limit)]

    def count(self, *, only: UUID | None = None, since: datetime | None = None) -> int:
        return len(self.page(only=only, since=since, limit=10**6))

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        by_day: dict[date, list[Difference]] = {}
        for each in differences([day for key in ids if (day := day_of(key))]):
            day = next(member for member in each.key if isinstance(member, date))
            by_day.setdefault(day, []).append(each)
        waiting = _Waiting() if by_day else None
        self._late = set()
        for day in sorted(by_day):
            wrong = [each for each in by_day[day] if waiting is None or not waiting.covers(each)]
            if not wrong:
                self._late.add(key_of(day))
            shown = (wrong or by_day[day])[:ROWS_SHOWN]
            yield Drift(key_of(day), {_name(each): each.expected for each in shown}, _found(shown))

    def pending(self, ids: Sequence[UUID]) -> set[UUID]:
        """Days of which nothing is wrong but what a job is still to bring up to date: row by row, not day by day."""
        return self._late & set(ids)

    def at_large(self) -> Iterable[Drift]:
        """Items whose copy of their order's day and tick is another. None may ever be written, so none is here."""
        with connection.cursor() as cursor:
            cursor.execute(COPIED_DAYS)
            for item, day, tick, of_order, tick_of_order in cursor.fetchall():
                yield Drift(item, {"day": of_order, "tick": tick_of_order}, {"day": day, "tick": tick})

    def lock(self, key: UUID) -> None:
        """Nothing here: ``repair`` locks the rows of each key before it reads the facts."""

    def repair(self, drift: Drift) -> None:
        day = day_of(drift.key)
        if day:
            make_anew(list(differences([day])))


class _Waiting:
    """What jobs are still to bring up to date. Dead letters will not, so they excuse nothing."""

    def __init__(self) -> None:
        ticks = {VendorTick.of(key) for key in _keys(follow_orders)}
        self._of_vendors: dict[str, set[Any]] = {
            "vendordaily": {each.vendor_day for each in ticks},
            "vendorslice": {(*each.vendor_day, each.tick // TICKS_OF_HOUR) for each in ticks},
            "productdaily": products_sold(ticks),
        }
        self._ticks = {(each.day, each.currency, each.tick) for each in ticks}
        self._hours = {(each.day, each.currency, each.tick // TICKS_OF_HOUR) for each in ticks}
        self._days = {(each.day, each.currency) for each in ticks}
        self._rating_days = rating_days_of([UUID(key) for key in _keys(follow_reviews)])
        jobs = _open(follow_terms).values_list("args", flat=True)
        self._vendors = {UUID(args["vendor_id"]) for args in jobs}

    def covers(self, wrong: Difference) -> bool:
        if wrong.table == "vendorratingdaily":
            return wrong.key in self._rating_days
        if wrong.table in self._of_vendors:
            return wrong.key in self._of_vendors[wrong.table] or wrong.key[0] in self._vendors
        if self._vendors:  # whose orders may be in any tick
            return True
        return wrong.key in {"platformtick": self._ticks, "platformslice": self._hours}.get(wrong.table, self._days)


def _open(function: Any) -> QuerySet[Job]:
    return Job.objects.filter(kind=handler_of(function).kind, state__in=[Job.State.READY, Job.State.RUNNING])


def _keys(function: Any) -> list[str]:
    return list(_open(function).order_by().values_list("key", flat=True).distinct())


def _name(each: Difference) -> str:
    return f"{each.table} {' '.join(map(str, each.key))}"


def _found(shown: Sequence[Difference]) -> Values:
    return {_name(each): each.found for each in shown}
