"""Making days from their facts. Each function re-aggregates whole keys, so a repeat is harmless.

What is missing is inserted, then the keys' rows are locked, and only the statement after
that reads the facts: under READ COMMITTED it sees whatever the lock's former holder saw, and
all that has committed since. So of two that aggregate one key, the later writes the later
state, and no change is lost, be it the last of its day.

Locks: vendors' days, ratings' days, platform days, each in the order of their keys. Called
last in a transaction, after all locks on facts. Hours and products of a vendor belong to its
day, ticks and hours of the platform to its: their locks are those of the day.

Several statements of one ``execute`` are one round trip; each has a snapshot of its own.
"""

from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from metrics import statements
from metrics.definitions import OF_DAYS, OF_TICKS, parameters
from metrics.statements import VENDOR_DAYS, WHOLE_DAYS
from orders.services.days import VendorDay, VendorTick


class PlatformKey(NamedTuple):
    """The orders of all vendors that were placed in one tick of a day, in one currency."""

    day: date
    currency: str
    tick: int


class RatingDay(NamedTuple):
    """The reviews of a vendor's products that were written on one day."""

    vendor_id: UUID
    day: date


@transaction.atomic(savepoint=False)
def follow_ticks(keys: Collection[VendorTick]) -> None:
    """What follows from changes of orders that were placed in these ticks, by a function in the database.

    Of each vendor the hour, and its products that were sold in the tick; of the platform
    the tick; and the sums that these are parts of. For whatever an order's life brings.
    What may leave nothing behind where it was, as an import can move an order to another
    day, takes ``aggregate_ticks``.
    """
    if keys:
        with connection.cursor() as cursor:
            cursor.execute("SELECT metrics_follow(%s, %s)", [[each.key for each in keys], settings.PLATFORM_FEE_BPS])


@transaction.atomic(savepoint=False)
def aggregate_ticks(keys: Collection[VendorTick], *, ratings: Collection[RatingDay] = ()) -> None:
    """The whole vendors' days that these ticks are of, then these days' stars, then what is the platform's."""
    aggregate_vendor_days({each.vendor_day for each in keys})
    aggregate_rating_days(ratings)
    aggregate_platform({PlatformKey(each.day, each.currency, each.tick) for each in keys})


@transaction.atomic(savepoint=False)
def aggregate_vendor_days(keys: Collection[VendorDay], *, whole_days: Collection[date] = ()) -> None:
    """Make these vendors' days, their hours and their products' parts from the orders. Zeros where there are none.

    ``whole_days``: these are all keys of these days, which are then read through at once.
    """
    ordered = sorted(set(keys))
    if ordered:
        vendors, days, currencies = map(list, zip(*ordered, strict=True))
        _execute(
            statements.vendor_days(WHOLE_DAYS if whole_days else VENDOR_DAYS),
            {"vendors": vendors, "days": days, "currencies": currencies, "whole_days": sorted(whole_days)},
        )


@transaction.atomic(savepoint=False)
def aggregate_rating_days(keys: Collection[RatingDay]) -> None:
    """Count the stars of these vendors' days from the counted reviews."""
    ordered = sorted(set(keys))
    if ordered:
        vendors, days = map(list, zip(*ordered, strict=True))
        _execute(statements.rating_days(), {"vendors": vendors, "days": days})


@transaction.atomic(savepoint=False)
def aggregate_platform(keys: Collection[PlatformKey], *, whole_days: Collection[date] = ()) -> None:
    """Make these ticks from the orders, and sum up the hours and the days that they belong to.

    Under the lock of the day, so that of two ticks' sums neither misses the other.
    ``whole_days`` as for vendors.
    """
    ordered = sorted(set(keys))
    if ordered:
        days, currencies, ticks = map(list, zip(*ordered, strict=True))
        _execute(
            statements.platform_days(OF_DAYS if whole_days else OF_TICKS),
            {"days": days, "currencies": currencies, "ticks": ticks, "whole_days": sorted(whole_days)},
        )


def _execute(text: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_on_one_line(text), values | parameters())


@cache
def _on_one_line(text: str) -> str:
    """Shorter to send and to read, every time."""
    return " ".join(text.split())
