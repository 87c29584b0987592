"""Telling whoever sums up days that one has changed: the day an order was placed, vendor by vendor."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID

from orders.models import Order, OrderItem
from trustengine.bulk import Among
from trustengine.jobs.services import publish_many


class VendorDay(NamedTuple):
    """A vendor's orders of one of the marketplace's days, in one currency."""

    vendor_id: UUID
    day: date
    currency: str

    @property
    def key(self) -> str:
        return f"{self.vendor_id}:{self.day.isoformat()}:{self.currency}"

    @classmethod
    def of(cls, key: str) -> "VendorDay":
        """The reverse of ``key``."""
        vendor, day, currency = key.split(":")
        return cls(UUID(vendor), date.fromisoformat(day), currency)


def mark_days(order: Order, vendors: Iterable[UUID] | None = None) -> None:
    """Publish ``orders.day_changed`` for the day of an order, for these vendors or for all of its items'.

    Called by every change of what counts: placed, cancelled, returned, refunded, its status
    derived anew. Subscribers coalesce by the member ``vendor_day``, which is ``VendorDay.key``.
    """
    if vendors is None:
        vendors = OrderItem.objects.filter(order=order).values_list("vendor", flat=True)
    _publish(VendorDay(vendor, order.day, order.currency) for vendor in vendors)


def mark_days_of(order_ids: Iterable[UUID]) -> None:
    """``mark_days`` for all vendors of many orders at once: a day that several share is told once."""
    items = OrderItem.objects.filter(Among("order", order_ids))
    _publish(VendorDay(*row) for row in items.values_list("vendor", "order__day", "order__currency").distinct())


def _publish(days: Iterable[VendorDay]) -> None:
    # Sorted, so that subscribers which lock by key do so in one order.
    payloads = [{"vendor_day": day.key, **day._asdict()} for day in sorted(set(days))]
    publish_many("orders.day_changed", payloads)
