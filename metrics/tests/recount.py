"""The days once more, in plain Python over rows, without a word of the project's SQL: what every test compares with."""

from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from metrics.models import PlatformDaily, PlatformMinute, PlatformSlice, ProductDaily, VendorDaily, VendorRatingDaily
from orders.models import OrderItem, VendorTerms
from reviews.models import Review

NUMBERS = (
    "orders",
    "units",
    "gmv_cents",
    "refunds_cents",
    "platform_fees_cents",
    "pending_payout_cents",
    "placed_items",
    "cancelled_items",
    "refunded_items",
    "delivered_items",
    "delivery_seconds",
)
KEYS = {
    VendorDaily: ("vendor_id", "day", "currency"),
    ProductDaily: ("vendor_id", "day", "currency", "product_id"),
    PlatformMinute: ("day", "currency", "minute"),
    PlatformSlice: ("day", "currency", "hour"),
    PlatformDaily: ("day", "currency"),
    VendorRatingDaily: ("vendor_id", "day"),
}
Table = dict[tuple[Any, ...], dict[str, int]]


def fee_of(net_cents: int, bps: int) -> int:
    """The fee of one item by the decimal module."""
    return int((Decimal(net_cents) * bps / 10_000).quantize(Decimal(1), ROUND_HALF_EVEN))


def recount() -> dict[str, Table]:
    """Every table that is not zero, by its key."""
    zone = ZoneInfo(settings.MARKETPLACE_TIME_ZONE)
    fees = {terms.profile_id: terms.fee_bps for terms in VendorTerms.objects.all()}
    sums: dict[str, Any] = {model.__name__: defaultdict(lambda: defaultdict(int)) for model in KEYS}
    orders: dict[str, Any] = {model.__name__: defaultdict(set) for model in KEYS}
    for item in OrderItem.objects.select_related("order"):
        order, clock = item.order, item.order.placed_at.astimezone(zone)
        cancelled = item.fulfilment_status == "cancelled"
        counted = order.status in {"confirmed", "shipped", "delivered"} and not cancelled
        price = item.quantity * item.unit_price_cents
        bps = fees.get(item.vendor_id)
        fee = fee_of(price - item.refunded_cents, settings.PLATFORM_FEE_BPS if bps is None else bps)
        day = (order.day, order.currency)
        places = {
            "VendorDaily": (item.vendor_id, *day),
            "ProductDaily": (item.vendor_id, *day, item.product_id),
            "PlatformMinute": (*day, clock.hour * 60 + clock.minute),
            "PlatformSlice": (*day, clock.hour),
            "PlatformDaily": day,
        }
        for table, key in places.items():
            row = sums[table][key]
            if counted:
                orders[table][key].add(order.pk)
                row["units"] += item.quantity
                row["gmv_cents"] += price
                if table != "ProductDaily":
                    row["refunds_cents"] += item.refunded_cents
                    row["platform_fees_cents"] += fee
                    row["pending_payout_cents"] += price - item.refunded_cents - fee
            if table != "ProductDaily":
                row["placed_items"] += 1
                row["cancelled_items"] += cancelled
                row["refunded_items"] += item.refunded_at is not None and not cancelled
                if item.delivered_at:
                    row["delivered_items"] += 1
                    passed = item.delivered_at - order.placed_at
                    row["delivery_seconds"] += passed.days * 86_400 + passed.seconds  # rounds down
    for table, found in orders.items():
        for key, ids in found.items():
            sums[table][key]["orders"] = len(ids)
    for review in Review.objects.select_related("product"):
        shown = review.status == "approved" and not (
            review.is_hidden or review.deleted_at or review.restricted_at or review.removed_at
        )
        if shown and not review.purchase_refunded_at and not review.quarantined_at:
            written = review.created_at.astimezone(zone).date()
            sums["VendorRatingDaily"][review.product.vendor_id, written][f"stars_{review.rating}"] += 1
    return {table: _without_zeros(found) for table, found in sums.items()}


def stored() -> dict[str, Table]:
    """The same from the tables."""
    found = {}
    for model, key in KEYS.items():
        stars = tuple(f"stars_{star}" for star in range(1, 6))
        numbers = {ProductDaily: ("orders", "units", "gmv_cents"), VendorRatingDaily: stars}.get(model, NUMBERS)
        rows = model._default_manager.values(*key, *numbers)
        found[model.__name__] = _without_zeros(
            {tuple(row[name] for name in key): {name: row[name] for name in numbers} for row in rows}
        )
    return found


def assert_exact() -> None:
    """The tables say what a recount says."""
    expected, found = recount(), stored()
    for table in expected:
        assert found[table] == expected[table], table


def _without_zeros(table: dict[Any, Any]) -> Table:
    rows = {key: {name: value for name, value in row.items() if value} for key, row in table.items()}
    return {key: row for key, row in rows.items() if row}
