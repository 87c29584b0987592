"""What disagrees with its facts, table by table, both ways: rows that are wrong, missing, or of nothing.

A missing row and a row of zeros say the same. Each comparison is one statement over days.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.db import connection

from metrics import definitions
from metrics.definitions import HOUR_OF_TICK, OF_DAYS, PRODUCT_NUMBERS, PRODUCT_SUMS, STAR_SUMS, STARS, SUMS
from metrics.models import Sums
from metrics.services import PlatformKey, RatingDay, aggregate_platform, aggregate_rating_days, aggregate_vendor_days
from orders.clock import TICKS_OF_HOUR
from orders.services.days import VendorDay

NUMBERS = Sums.NUMBERS


class Difference(NamedTuple):
    """One row of one table: the members of its key, and its numbers as they should be and as they are."""

    table: str
    key: tuple[Any, ...]
    expected: dict[str, int]
    found: dict[str, int]


@dataclass(frozen=True)
class _Comparison:
    """A table, its key, its numbers, and the statement that makes these from the facts."""

    table: str
    key: Sequence[str]
    numbers: Sequence[str]
    expected: str

    @property
    def statement(self) -> str:
        """Full join of both sides on the days asked for."""
        key, named = ", ".join(self.key), [(name, f"coalesce(expected.{name}, 0)") for name in self.numbers]
        shouldbe = ", ".join(value for _, value in named)
        found = ", ".join(value.replace("expected.", "stored.") for _, value in named)
        return f"""
            WITH expected AS ({self.expected}),
            stored AS (SELECT * FROM {self.table} WHERE day = ANY(%(days)s::date[]))
            SELECT {key}, {shouldbe}, {found} FROM expected FULL JOIN stored USING ({key})
            WHERE ROW({shouldbe}) IS DISTINCT FROM ROW({found}) ORDER BY {key}
        """


LINES = definitions.facts(OF_DAYS)
VENDOR = ("vendor_id", "day", "currency")
OF_VENDORS = {"vendordaily", "vendorslice", "productdaily"}
COMPARISONS = (
    _Comparison(
        "metrics_vendordaily",
        VENDOR,
        NUMBERS,
        f"SELECT vendor_id, day, currency, {SUMS} FROM ({LINES}) AS line GROUP BY vendor_id, day, currency",
    ),
    _Comparison(
        "metrics_vendorslice",
        (*VENDOR, "hour"),
        NUMBERS,
        f"""SELECT vendor_id, day, currency, {HOUR_OF_TICK} AS hour, {SUMS} FROM ({LINES}) AS line
            GROUP BY vendor_id, day, currency, {HOUR_OF_TICK}""",
    ),
    _Comparison(
        "metrics_productdaily",
        (*VENDOR, "product_id"),
        PRODUCT_NUMBERS,
        f"""SELECT vendor_id, day, currency, product_id, {PRODUCT_SUMS} FROM ({LINES}) AS line WHERE counts
            GROUP BY vendor_id, day, currency, product_id""",
    ),
    *(
        _Comparison(
            f"metrics_{table}",
            key,
            NUMBERS,
            f"SELECT {columns}, {SUMS} FROM ({LINES}) AS line GROUP BY {group}",
        )
        for table, key, columns, group in (
            ("platformtick", ("day", "currency", "tick"), "day, currency, tick", "1, 2, 3"),
            ("platformslice", ("day", "currency", "hour"), f"day, currency, {HOUR_OF_TICK} AS hour", "1, 2, 3"),
            ("platformdaily", ("day", "currency"), "day, currency", "1, 2"),
        )
    ),
)


def differences(days: Collection[date]) -> Iterator[Difference]:
    """Every row of these days that disagrees with its facts."""
    for comparison in (*COMPARISONS, _of_ratings()):
        values = {"days": sorted(days), "whole_days": sorted(days), **definitions.parameters()}
        with connection.cursor() as cursor:
            cursor.execute(comparison.statement, values)
            rows = cursor.fetchall()
        size, count = len(comparison.key), len(comparison.numbers)
        for row in rows:
            should, found = row[size : size + count], row[size + count :]
            wrong = [n for n in range(count) if should[n] != found[n]]
            yield Difference(
                comparison.table.removeprefix("metrics_"),
                tuple(row[:size]),
                {comparison.numbers[n]: should[n] for n in wrong},
                {comparison.numbers[n]: found[n] for n in wrong},
            )


def make_anew(wrong: Collection[Difference]) -> None:
    """Aggregate the keys of these rows, under their locks."""
    aggregate_vendor_days(vendor_days(wrong))
    aggregate_rating_days({RatingDay(*each.key) for each in wrong if each.table == "vendorratingdaily"})
    aggregate_platform(platform_keys(wrong))


def vendor_days(wrong: Collection[Difference]) -> set[VendorDay]:
    """The vendors' days that these rows belong to."""
    return {VendorDay(*each.key[:3]) for each in wrong if each.table in OF_VENDORS}


def platform_keys(wrong: Collection[Difference]) -> set[PlatformKey]:
    """A tick of each of these ticks, hours and days: whatever it belongs to is summed up with it."""
    found = set()
    for table, key, *_ in wrong:
        if table.startswith("platform"):
            day, currency, *part = key
            tick = part[0] * (TICKS_OF_HOUR if table == "platformslice" else 1) if part else 0
            found.add(PlatformKey(day, currency, tick))
    return found


def _of_ratings() -> _Comparison:
    """Reviews are looked for by a range of moments, a day wider on either side, and then by their day."""
    return _Comparison(
        "metrics_vendorratingdaily",
        ("vendor_id", "day"),
        STARS,
        f"""SELECT vendor_id, day, {STAR_SUMS} FROM ({definitions.counted_reviews()}) AS review
            WHERE day = ANY(%(days)s::date[]) GROUP BY vendor_id, day""",
    )
