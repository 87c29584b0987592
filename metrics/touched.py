"""Which keys given rows touch."""

from collections.abc import Collection
from datetime import date
from itertools import starmap
from typing import Any
from uuid import UUID

from django.db import connection

from metrics import definitions
from metrics.services import RatingDay
from orders.models import OrderItem
from orders.services.days import VendorTick
from trustengine.bulk import Among

RATING_DAYS = """
    SELECT DISTINCT product.vendor_id, (review.created_at AT TIME ZONE %(zone)s)::date
    FROM reviews_review AS review JOIN orders_product AS product ON product.id = review.product_id
    WHERE review.{column} = ANY(%(ids)s)
"""
PRODUCTS_SOLD = """
    SELECT DISTINCT given.vendor_id, given.day, given.currency, item.product_id
    FROM unnest(%(vendors)s::uuid[], %(days)s::date[], %(currencies)s::text[], %(ticks)s::int[])
        AS given (vendor_id, day, currency, tick)
        JOIN orders_orderitem AS item USING (vendor_id, day, tick)
"""
DAYS_OF_VENDOR = """
    SELECT day, count(*) FROM orders_orderitem
    WHERE vendor_id = %(vendor)s AND day < coalesce(%(before)s, 'infinity'::date)
    GROUP BY day ORDER BY day DESC LIMIT %(limit)s
"""


def ticks_of_orders(order_ids: Collection[UUID]) -> set[VendorTick]:
    """Where the items of these orders are counted."""
    return _ticks(OrderItem.objects.filter(Among("order", order_ids)))


def products_sold(ticks: Collection[VendorTick]) -> set[tuple[UUID, date, str, UUID]]:
    """The products that these vendors sold in these ticks: vendor, day, currency, product."""
    if not ticks:
        return set()
    vendors, days, currencies, moments = map(list, zip(*ticks, strict=True))
    values = {"vendors": vendors, "days": days, "currencies": currencies, "ticks": moments}
    with connection.cursor() as cursor:
        cursor.execute(PRODUCTS_SOLD, values)
        return set(cursor.fetchall())


def vendor_ticks_of(vendor: UUID, *, before: date | None, at_least: int) -> list[VendorTick]:
    """Where a vendor's items of whole days before a date are counted, from the latest day on.

    As many days as it takes for so many items; none where there are none left.
    """
    values = {"vendor": vendor, "before": before, "limit": at_least}
    with connection.cursor() as cursor:
        cursor.execute(DAYS_OF_VENDOR, values)
        counted = cursor.fetchall()
    days: list[date] = []
    for day, items in counted:
        days.append(day)
        at_least -= items
        if at_least <= 0:
            break
    return sorted(_ticks(OrderItem.objects.filter(Among("day", days), vendor=vendor)))


def rating_days_of(review_ids: Collection[UUID]) -> set[RatingDay]:
    """Where these reviews are counted, if they count."""
    return _rating_days("id", review_ids)


def rating_days_of_items(item_ids: Collection[UUID]) -> set[RatingDay]:
    """Where the reviews of these order items are counted."""
    return _rating_days("order_item_id", item_ids)


def rating_days_of_products(product_ids: Collection[UUID]) -> set[RatingDay]:
    """Where all reviews of these products are counted."""
    return _rating_days("product_id", product_ids)


def _rating_days(column: str, ids: Collection[UUID]) -> set[RatingDay]:
    if not ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(RATING_DAYS.format(column=column), {"ids": list(ids), **definitions.parameters()})
        return {RatingDay(*row) for row in cursor.fetchall()}


def _ticks(items: Any) -> set[VendorTick]:
    return set(
        starmap(VendorTick, items.order_by().values_list("vendor", "order__day", "order__currency", "order__tick"))
    )
