"""What the status of orders should be: of one, and of many at once, which are brought in line here.

One order at a time is brought in line by ``services.derive_order_status``.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection

from orders.models import Order
from trustengine.bulk import Among, update_rows

ANY_ORDER = UUID(int=0)


@dataclass(frozen=True)
class WrongStatus:
    """An order whose (status, delivered_at) is not what its items say."""

    order_id: UUID
    expected: tuple[str, datetime | None]
    found: tuple[str, datetime | None]


def derived_status(order_id: UUID) -> tuple[str, datetime | None]:
    """The (status, delivered_at) that an order's items say; the caller has locked the order.

    Building this query takes Django sixty times as long as PostgreSQL takes to answer it,
    so it is built once.
    """
    statement, values = _statement()
    with connection.cursor() as cursor:
        cursor.execute(statement, [order_id if value == ANY_ORDER else value for value in values])
        status, delivered_at = cursor.fetchone()
    return status, delivered_at


@cache
def _statement() -> tuple[str, tuple[Any, ...]]:
    orders = Order.objects.with_derived_status().filter(pk=ANY_ORDER)
    found = orders.values_list("derived_status", "derived_delivered_at")  # type: ignore[misc]
    statement, values = found.query.sql_with_params()
    assert list(values).count(ANY_ORDER) == 1
    return statement, values


def wrong_statuses(order_ids: Collection[UUID]) -> list[WrongStatus]:
    """Compare these orders with their items, in one statement."""
    orders = Order.objects.filter(Among("pk", order_ids)).with_derived_status().order_by("pk")
    rows = orders.values_list(  # type: ignore[misc]
        "pk", "status", "delivered_at", "derived_status", "derived_delivered_at"
    )
    compared = (
        WrongStatus(order, expected=(derived, derived_delivery), found=(status, delivery))
        for order, status, delivery, derived, derived_delivery in rows
    )
    return [order for order in compared if order.expected != order.found]


def lock_orders(order_ids: Collection[UUID]) -> None:
    """Lock these orders by id, as every writer of their status does."""
    orders = Order.objects.filter(Among("pk", order_ids)).order_by("pk")
    list(orders.select_for_update(of=("self",), no_key=True).values_list("pk"))


def derive_statuses(order_ids: Collection[UUID]) -> None:
    """Set the status of these orders, which the caller has locked, from their items.

    Leaves no audit entry and publishes nothing: that is for the caller, who knows why.
    """
    changes = []
    for order in wrong_statuses(order_ids):
        status, delivered_at = order.expected
        changes.append({"id": order.order_id, "status": status, "delivered_at": delivered_at})
    update_rows(Order, ["id"], changes)
