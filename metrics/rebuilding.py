"""Making whole days anew, all rows of all tables at once: for history, where looking up each key would take long."""

from collections.abc import Collection
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Model

from metrics import definitions
from metrics.definitions import first_tick
from metrics.models import TABLES
from metrics.services import PlatformKey, RatingDay, aggregate_platform, aggregate_rating_days, aggregate_vendor_days
from orders.services.days import VendorDay


def _said(model: type[Model]) -> list[str]:
    """The columns of a key and its numbers, with the table's name, which tells equal ones of two tables apart."""
    columns = (str(field.column) for field in model._meta.concrete_fields if not field.generated)
    return [f"'{model._meta.db_table}'::text", *(name for name in columns if name not in {"id", "aggregated_at"})]


# Keys that facts have, and keys that rows have.
VENDOR_DAYS = """
    SELECT DISTINCT item.vendor_id, item.day, purchase.currency
    FROM orders_order AS purchase JOIN orders_orderitem AS item ON item.order_id = purchase.id
    WHERE purchase.day = ANY(%(days)s::date[])
    UNION SELECT vendor_id, day, currency FROM metrics_vendordaily WHERE day = ANY(%(days)s::date[])
    UNION SELECT vendor_id, day, currency FROM metrics_vendorslice WHERE day = ANY(%(days)s::date[])
    UNION SELECT vendor_id, day, currency FROM metrics_productdaily WHERE day = ANY(%(days)s::date[])
"""
TICKS = f"""
    SELECT DISTINCT purchase.day, purchase.currency, purchase.tick
    FROM orders_order AS purchase WHERE purchase.day = ANY(%(days)s::date[])
    UNION SELECT day, currency, tick FROM metrics_platformtick WHERE day = ANY(%(days)s::date[])
    UNION SELECT day, currency, {first_tick("hour")} FROM metrics_platformslice WHERE day = ANY(%(days)s::date[])
    UNION SELECT day, currency, 0 FROM metrics_platformdaily WHERE day = ANY(%(days)s::date[])
"""
RATING_DAYS = """
    SELECT DISTINCT vendor_id, day FROM ({reviews}) AS review WHERE day = ANY(%(days)s::date[])
    UNION SELECT vendor_id, day FROM metrics_vendorratingdaily WHERE day = ANY(%(days)s::date[])
"""
# What the rows of each day say, apart from when they were made.
FINGERPRINTS = " UNION ALL ".join(
    f"SELECT day, hash_record_extended(ROW({', '.join(_said(model))}), 0) AS said FROM {model._meta.db_table} "
    "WHERE day = ANY(%(days)s)"
    for model in TABLES
)
FINGERPRINT = f"SELECT day, sum(said::numeric) FROM ({FINGERPRINTS}) AS rows GROUP BY day"


def rebuild_days(days: Collection[date]) -> set[date]:
    """Make all rows of these days from the facts, under their locks; returns the days of which any has changed."""
    before = _fingerprints(days)
    vendors = {VendorDay(*row) for row in _rows(VENDOR_DAYS, days)}
    ratings = {RatingDay(*row) for row in _rows(RATING_DAYS.format(reviews=definitions.counted_reviews()), days)}
    ticks = {PlatformKey(*row) for row in _rows(TICKS, days)}
    aggregate_vendor_days(vendors, whole_days=days)
    aggregate_rating_days(ratings)
    aggregate_platform(ticks, whole_days=days)
    after = _fingerprints(days)
    return {day for day in days if before.get(day) != after.get(day)}


def _fingerprints(days: Collection[date]) -> dict[date, Any]:
    return dict(_rows(FINGERPRINT, days))


def _rows(statement: str, days: Collection[date]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"days": sorted(days), **definitions.parameters()})
        return cursor.fetchall()
