"""Making days from their facts. Each function re-aggregates whole keys, so a repeat is harmless.

What is missing is inserted, then the keys' rows are locked, and only the statement after
that reads the facts: under READ COMMITTED it sees whatever the lock's former holder saw, and
all that has committed since. So of two that aggregate one key, the later writes the later
state, and no change is lost, be it the last of its day.

Locks: vendors' days, ratings' days, platform days, each in the order of their keys. Called
last in a transaction, after all locks on facts. ``ProductDaily`` rows belong to their
vendor's day, minutes and hours to the platform's: their locks are those of the day.

Several statements of one ``execute`` are one round trip; each has a snapshot of its own.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from metrics import definitions
from metrics.definitions import (
    OF_DAYS,
    OF_MINUTES,
    OF_VENDOR_DAYS,
    PRODUCT_NUMBERS,
    PRODUCT_SUMS,
    STAR_SUMS,
    STARS,
    SUMS,
)
from metrics.models import Sums
from orders.services.days import VendorDay

NUMBERS = Sums.NUMBERS


class PlatformKey(NamedTuple):
    """The orders of all vendors that were placed in one minute of a day, in one currency."""

    day: date
    currency: str
    minute: int


class RatingDay(NamedTuple):
    """The reviews of a vendor's products that were written on one day."""

    vendor_id: UUID
    day: date


def _listed(names: Collection[str], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{name}" for name in names)


def _assigned(names: Collection[str], source: str) -> str:
    return ", ".join(f"{name} = coalesce({source}.{name}, 0)" for name in names)


def _replaced(names: Collection[str]) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in names)


def _zeros(names: Collection[str]) -> str:
    return ", ".join("0" for _ in names)


WANTED_VENDOR_DAYS = """
    wanted AS (
        SELECT * FROM unnest(%(vendors)s::uuid[], %(days)s::date[], %(currencies)s::text[])
            AS wanted (vendor_id, day, currency)
    )
"""
LOCK_VENDOR_DAYS = f"""
    WITH {WANTED_VENDOR_DAYS}
    INSERT INTO metrics_vendordaily (vendor_id, day, currency, {_listed(NUMBERS)})
    SELECT vendor_id, day, currency, {_zeros(NUMBERS)} FROM wanted
    WHERE NOT EXISTS (
        SELECT FROM metrics_vendordaily AS stored WHERE (stored.vendor_id, stored.day, stored.currency)
            = (wanted.vendor_id, wanted.day, wanted.currency)
    )
    ORDER BY vendor_id, day, currency ON CONFLICT DO NOTHING;

    WITH {WANTED_VENDOR_DAYS}
    SELECT FROM metrics_vendordaily AS stored JOIN wanted USING (vendor_id, day, currency)
    ORDER BY vendor_id, day, currency FOR NO KEY UPDATE OF stored;
"""
AGGREGATE_VENDOR_DAYS = f"""
    WITH {WANTED_VENDOR_DAYS},
    facts AS MATERIALIZED ({{facts}}),
    sums AS MATERIALIZED (SELECT vendor_id, day, currency, {SUMS} FROM facts GROUP BY vendor_id, day, currency),
    products AS MATERIALIZED (
        SELECT vendor_id, day, currency, product_id, {PRODUCT_SUMS} FROM facts WHERE counts
        GROUP BY vendor_id, day, currency, product_id
    ),
    written AS (
        UPDATE metrics_vendordaily AS stored
        SET {_assigned(NUMBERS, "sums")}, aggregated_at = statement_timestamp()
        FROM wanted LEFT JOIN sums USING (vendor_id, day, currency)
        WHERE (stored.vendor_id, stored.day, stored.currency) = (wanted.vendor_id, wanted.day, wanted.currency)
    ),
    gone AS (
        DELETE FROM metrics_productdaily AS stored USING wanted
        WHERE (stored.vendor_id, stored.day, stored.currency) = (wanted.vendor_id, wanted.day, wanted.currency)
            AND NOT EXISTS (
                SELECT FROM products WHERE (products.vendor_id, products.day, products.currency, products.product_id)
                    = (stored.vendor_id, stored.day, stored.currency, stored.product_id)
            )
    )
    INSERT INTO metrics_productdaily AS stored (vendor_id, day, currency, product_id, {_listed(PRODUCT_NUMBERS)})
    SELECT vendor_id, day, currency, product_id, {_listed(PRODUCT_NUMBERS)}
    FROM products JOIN wanted USING (vendor_id, day, currency)
    ON CONFLICT (vendor_id, day, currency, product_id) DO UPDATE SET {_replaced(PRODUCT_NUMBERS)}
    WHERE ({_listed(PRODUCT_NUMBERS, "stored.")}) IS DISTINCT FROM ({_listed(PRODUCT_NUMBERS, "excluded.")});
"""

WANTED_RATING_DAYS = """
    wanted AS (SELECT * FROM unnest(%(vendors)s::uuid[], %(days)s::date[]) AS wanted (vendor_id, day))
"""
LOCK_RATING_DAYS = f"""
    WITH {WANTED_RATING_DAYS}
    INSERT INTO metrics_vendorratingdaily (vendor_id, day, {_listed(STARS)})
    SELECT vendor_id, day, {_zeros(STARS)} FROM wanted ORDER BY vendor_id, day ON CONFLICT DO NOTHING;

    WITH {WANTED_RATING_DAYS}
    SELECT FROM metrics_vendorratingdaily AS stored JOIN wanted USING (vendor_id, day)
    ORDER BY vendor_id, day FOR NO KEY UPDATE OF stored;
"""
# A calendar day is less than a day away from what the clock of any other zone calls so: the range is for the index.
AGGREGATE_RATING_DAYS = f"""
    WITH {WANTED_RATING_DAYS},
    counted AS NOT MATERIALIZED ({{counted_reviews}}),
    sums AS (
        SELECT wanted.vendor_id, wanted.day, {STAR_SUMS}
        FROM wanted JOIN counted AS review ON review.vendor_id = wanted.vendor_id
            AND review.created_at >= wanted.day::timestamp AT TIME ZONE 'UTC' - interval '1 day'
            AND review.created_at < wanted.day::timestamp AT TIME ZONE 'UTC' + interval '2 days'
            AND review.day = wanted.day
        GROUP BY wanted.vendor_id, wanted.day
    )
    UPDATE metrics_vendorratingdaily AS stored
    SET {_assigned(STARS, "sums")}, aggregated_at = statement_timestamp()
    FROM wanted LEFT JOIN sums USING (vendor_id, day)
    WHERE (stored.vendor_id, stored.day) = (wanted.vendor_id, wanted.day);
"""

WANTED_DAYS = "wanted AS (SELECT * FROM unnest(%(days)s::date[], %(currencies)s::text[]) AS wanted (day, currency))"
LOCK_PLATFORM_DAYS = f"""
    WITH {WANTED_DAYS}
    INSERT INTO metrics_platformdaily (day, currency, {_listed(NUMBERS)})
    SELECT day, currency, {_zeros(NUMBERS)} FROM wanted
    WHERE NOT EXISTS (
        SELECT FROM metrics_platformdaily AS stored WHERE (stored.day, stored.currency) = (wanted.day, wanted.currency)
    )
    ORDER BY day, currency ON CONFLICT DO NOTHING;

    WITH {WANTED_DAYS}
    SELECT FROM metrics_platformdaily AS stored JOIN wanted USING (day, currency)
    ORDER BY day, currency FOR NO KEY UPDATE OF stored;
"""
# A minute without orders needs no row, unless it has one.
AGGREGATE_MINUTES = f"""
    WITH moments AS (
        SELECT * FROM unnest(
            %(m_days)s::date[], %(m_currencies)s::text[], %(m_minutes)s::int[], %(begins)s::timestamptz[]
        ) AS moments (day, currency, minute, begins)
    ),
    wanted AS (
        SELECT * FROM unnest(%(w_days)s::date[], %(w_currencies)s::text[], %(minutes)s::int[])
            AS wanted (day, currency, minute)
    ),
    facts AS MATERIALIZED ({{facts}}),
    sums AS MATERIALIZED (SELECT day, currency, minute, {SUMS} FROM facts GROUP BY day, currency, minute)
    INSERT INTO metrics_platformminute (day, currency, minute, aggregated_at, {_listed(NUMBERS)})
    SELECT day, currency, minute, statement_timestamp(), {", ".join(f"coalesce(sums.{name}, 0)" for name in NUMBERS)}
    FROM wanted LEFT JOIN sums USING (day, currency, minute)
    WHERE sums.placed_items IS NOT NULL OR EXISTS (
        SELECT FROM metrics_platformminute AS stored
        WHERE (stored.day, stored.currency, stored.minute) = (wanted.day, wanted.currency, wanted.minute)
    )
    ON CONFLICT (day, currency, minute) DO UPDATE SET aggregated_at = excluded.aggregated_at, {_replaced(NUMBERS)};
"""
SUM_HOURS = f"""
    WITH wanted AS (
        SELECT DISTINCT day, currency, minute / 60 AS hour
        FROM unnest(%(w_days)s::date[], %(w_currencies)s::text[], %(minutes)s::int[]) AS wanted (day, currency, minute)
    )
    INSERT INTO metrics_platformslice (day, currency, hour, aggregated_at, {_listed(NUMBERS)})
    SELECT wanted.day, wanted.currency, wanted.hour, statement_timestamp(), {definitions.totals()}
    FROM wanted LEFT JOIN metrics_platformminute AS part ON (part.day, part.currency) = (wanted.day, wanted.currency)
        AND part.minute BETWEEN wanted.hour * 60 AND wanted.hour * 60 + 59
    GROUP BY wanted.day, wanted.currency, wanted.hour
    HAVING count(part.id) > 0 OR EXISTS (
        SELECT FROM metrics_platformslice AS stored
        WHERE (stored.day, stored.currency, stored.hour) = (wanted.day, wanted.currency, wanted.hour)
    )
    ON CONFLICT (day, currency, hour) DO UPDATE SET aggregated_at = excluded.aggregated_at, {_replaced(NUMBERS)};
"""
SUM_DAYS = f"""
    WITH {WANTED_DAYS},
    sums AS (
        SELECT wanted.day, wanted.currency, {definitions.totals()}
        FROM wanted JOIN metrics_platformslice AS part USING (day, currency) GROUP BY wanted.day, wanted.currency
    )
    UPDATE metrics_platformdaily AS stored
    SET {_assigned(NUMBERS, "sums")}, aggregated_at = statement_timestamp()
    FROM wanted LEFT JOIN sums USING (day, currency)
    WHERE (stored.day, stored.currency) = (wanted.day, wanted.currency);
"""


@transaction.atomic(savepoint=False)
def aggregate_vendor_days(keys: Collection[VendorDay], *, whole_days: Collection[date] = ()) -> None:
    """Make these vendors' days, and their products' parts of them, from the orders. Zeros where there are none.

    ``whole_days``: these are all keys of these days, which are then read through at once.
    """
    ordered = sorted(set(keys))
    if not ordered:
        return
    vendors, days, currencies = map(list, zip(*ordered, strict=True))
    wanted = {"vendors": vendors, "days": days, "currencies": currencies, "whole_days": sorted(whole_days)}
    facts = definitions.facts(OF_DAYS if whole_days else OF_VENDOR_DAYS)
    _execute(LOCK_VENDOR_DAYS + AGGREGATE_VENDOR_DAYS.format(facts=facts), wanted | definitions.parameters())


@transaction.atomic(savepoint=False)
def aggregate_rating_days(keys: Collection[RatingDay]) -> None:
    """Count the stars of these vendors' days from the counted reviews."""
    ordered = sorted(set(keys))
    if not ordered:
        return
    vendors, days = map(list, zip(*ordered, strict=True))
    statement = LOCK_RATING_DAYS + AGGREGATE_RATING_DAYS.format(counted_reviews=definitions.counted_reviews())
    _execute(statement, {"vendors": vendors, "days": days} | definitions.parameters())


@transaction.atomic(savepoint=False)
def aggregate_platform(keys: Collection[PlatformKey], *, whole_days: Collection[date] = ()) -> None:
    """Make these minutes from the orders, and sum up the hours and the days that they belong to.

    Under the lock of the day, so that of two minutes' sums neither misses the other.
    ``whole_days`` as for vendors.
    """
    ordered = sorted(set(keys))
    if not ordered:
        return
    days, currencies = map(list, zip(*sorted({key[:2] for key in ordered}), strict=True))
    w_days, w_currencies, minutes = map(list, zip(*ordered, strict=True))
    moments = () if whole_days else _moments(ordered)
    m_days, m_currencies, m_minutes, begins = [list(column) for column in zip(*moments, strict=True)] or [[]] * 4
    facts = definitions.facts(OF_DAYS if whole_days else OF_MINUTES)
    _execute(
        LOCK_PLATFORM_DAYS + AGGREGATE_MINUTES.format(facts=facts) + SUM_HOURS + SUM_DAYS,
        {
            "whole_days": sorted(whole_days),
            "days": days,
            "currencies": currencies,
            "w_days": w_days,
            "w_currencies": w_currencies,
            "minutes": minutes,
            "m_days": m_days,
            "m_currencies": m_currencies,
            "m_minutes": m_minutes,
            "begins": begins,
            **definitions.parameters(),
        },
    )


def _moments(keys: Collection[PlatformKey]) -> Iterator[tuple[date, str, int, datetime]]:
    """When each of these minutes began: twice where the clock was set back, never where it was set forward.

    An order keeps the day that was written when it was placed. So the minute is also looked
    for on the days around: there it began, for orders that were placed before the
    marketplace's time zone was set to another.
    """
    zone = ZoneInfo(settings.MARKETPLACE_TIME_ZONE)
    for day, currency, minute in keys:
        clock = time(minute // 60, minute % 60)
        for away in (-1, 0, 1):
            for moment in moments_of(datetime.combine(day + timedelta(days=away), clock), zone):
                yield day, currency, minute, moment


def moments_of(clock: datetime, zone: ZoneInfo) -> list[datetime]:
    """The moments at which a zone's clock shows this: one, two where it is set back, none where it skips it."""
    shown = [clock.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    instants = sorted({each.astimezone(UTC) for each in shown})
    return [each for each in instants if each.astimezone(zone).replace(tzinfo=None, fold=0) == clock]


def _execute(statements: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_on_one_line(statements), values)


@cache
def _on_one_line(statements: str) -> str:
    """Shorter to send and to read, every time."""
    return " ".join(statements.split())
