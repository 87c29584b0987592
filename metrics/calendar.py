"""Which days there are: those with orders, counted reviews or rows of their own."""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection

from metrics import definitions
from metrics.models import TABLES
from orders.models import Order
from trustengine.operations.backfilling import Days

# From the first day on, one look into an index for each, so that a year of orders is 365 looks.
DAYS = """
    WITH RECURSIVE dated AS (
        SELECT min(day) AS day FROM {table} WHERE day >= %(since)s
        UNION ALL
        SELECT (SELECT min(day) FROM {table} WHERE day > dated.day) FROM dated WHERE dated.day < %(until)s
    )
    SELECT day FROM dated WHERE day BETWEEN %(since)s AND %(until)s LIMIT %(limit)s
"""
DAYS_OF_REVIEWS = """
    SELECT DISTINCT (created_at AT TIME ZONE %(zone)s)::date AS day FROM reviews_review
    WHERE (created_at AT TIME ZONE %(zone)s)::date BETWEEN %(since)s AND %(until)s ORDER BY day LIMIT %(limit)s
"""
DATED = (Order._meta.db_table, *(model._meta.db_table for model in TABLES))
CHANGED = """
    SELECT DISTINCT purchase.day FROM orders_order AS purchase WHERE purchase.updated_at >= %(since)s
    UNION SELECT item.day FROM orders_orderitem AS item WHERE item.updated_at >= %(since)s
    UNION SELECT (created_at AT TIME ZONE %(zone)s)::date FROM reviews_review WHERE updated_at >= %(since)s
    UNION SELECT day FROM metrics_vendordaily WHERE aggregated_at >= %(since)s
    UNION SELECT day FROM metrics_platformdaily WHERE aggregated_at >= %(since)s
    UNION SELECT day FROM metrics_vendorratingdaily WHERE aggregated_at >= %(since)s
"""


def days_within(days: Days, *, after: date | None, limit: int) -> Sequence[date]:
    """The next days in order, after one of them, with anything to compare."""
    since = max(filter(None, (days.since, after and date.fromordinal(after.toordinal() + 1))), default=date.min)
    values = {"since": since, "until": days.until or date.max, "limit": limit, **definitions.parameters()}
    found: set[date] = set()
    with connection.cursor() as cursor:
        for statement in (*(DAYS.format(table=table) for table in DATED), DAYS_OF_REVIEWS):
            cursor.execute(statement, values)
            found.update(day for (day,) in cursor.fetchall())
    return sorted(found)[:limit]


def days_changed(since: datetime) -> set[date]:
    """Days of which a fact, or a row, has been written since then."""
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, {"since": since, **definitions.parameters()})
        return {day for (day,) in cursor.fetchall()}
