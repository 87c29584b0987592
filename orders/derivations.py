"""Bringing derived values of many orders in line at once. One order at a time: ``services.derive_order_status``."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from orders.models import Order
from trustengine.bulk import Among, update_rows


@dataclass(frozen=True)
class WrongStatus:
    """An order whose (status, delivered_at) is not what its items say."""

    order_id: UUID
    expected: tuple[str, datetime | None]
    found: tuple[str, datetime | None]


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


def derive_statuses(order_ids: Collection[UUID]) -> None:
    """Set the status of these orders, which the caller has locked, from their items.

    Leaves no audit entry and publishes nothing: that is for the caller, who knows why.
    """
    changes = []
    for order in wrong_statuses(order_ids):
        status, delivered_at = order.expected
        changes.append({"id": order.order_id, "status": status, "delivered_at": delivered_at})
    update_rows(Order, ["id"], changes)
