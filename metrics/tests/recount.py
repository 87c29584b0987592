"""The days once more, in plain Python over rows, without a word of the project's SQL: what every test compares with."""

from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from metrics.models import (
    PlatformDaily,
    PlatformSlice,
    PlatformTick,
    ProductDaily,
    VendorDaily,
    VendorRatingDaily,
    VendorSlice,
)
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
    VendorSlice: ("vendor_id", "day", "currency", "hour"),
    ProductDaily: ("vendor_id", "day", "currency", "product_id"),
    PlatformTick: ("day", "currency", "tick"),
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
    sums: dict[str, Any] = {model.__name__: defaultdict(lambda: defaultdict(int)) for model in KEYS}
    _count_items(sums)
    _count_reviews(sums)
    return {table: _without_zeros(found) for table, found in sums.items()}


def _count_items(sums: dict[str, Any]) -> None:
    zone = ZoneInfo(settings.MARKETPLACE_TIME_ZONE)
    fees = {terms.profile_id: terms.fee_bps for terms in VendorTerms.objects.all()}
    orders: dict[str, Any] = {model.__name__: defaultdict(set) for model in KEYS}
    for item in OrderItem.objects.select_related("order"):
        clock = item.order.placed_at.astimezone(zone)
        bps = fees.get(item.vendor_id)
        numbers = _numbers(item, settings.PLATFORM_FEE_BPS if bps is None else bps)
        day = (item.order.day, item.order.currency)
        places = {
            "VendorDaily": (item.vendor_id, *day),
            "VendorSlice": (item.vendor_id, *day, clock.hour),
            "ProductDaily": (item.vendor_id, *day, item.product_id),
            "PlatformTick": (*day, clock.hour * 240 + clock.minute * 4 + clock.second // 15),
            "PlatformSlice": (*day, clock.hour),
            "PlatformDaily": day,
        }
        for table, key in places.items():
            if _counts(item):
                orders[table][key].add(item.order_id)
            for name in ("units", "gmv_cents") if table == "ProductDaily" else numbers:
                sums[table][key][name] += numbers[name]
    for table, found in orders.items():
        for key, ids in found.items():
            sums[table][key]["orders"] = len(ids)


def _counts(item: OrderItem) -> bool:
    return item.order.status in {"confirmed", "shipped", "delivered"} and item.fulfilment_status != "cancelled"


def _numbers(item: OrderItem, bps: int) -> dict[str, int]:
    """What one item adds to each row that it belongs to."""
    cancelled, counted = item.fulfilment_status == "cancelled", _counts(item)
    price, refunded = item.quantity * item.unit_price_cents, item.refunded_cents
    fee = fee_of(price - refunded, bps)
    passed = item.delivered_at and item.delivered_at - item.order.placed_at
    return {
        "units": item.quantity * counted,
        "gmv_cents": price * counted,
        "refunds_cents": refunded * counted,
        "platform_fees_cents": fee * counted,
        "pending_payout_cents": (price - refunded - fee) * counted,
        "placed_items": 1,
        "cancelled_items": int(cancelled),
        "refunded_items": int(item.refunded_at is not None and not cancelled),
        "delivered_items": int(passed is not None),
        "delivery_seconds": passed.days * 86_400 + passed.seconds if passed else 0,  # rounded down
    }


def _count_reviews(sums: dict[str, Any]) -> None:
    zone = ZoneInfo(settings.MARKETPLACE_TIME_ZONE)
    for review in Review.objects.select_related("product"):
        kept_out = (
            review.is_hidden
            or review.deleted_at
            or review.restricted_at
            or review.removed_at
            or review.purchase_refunded_at
            or review.quarantined_at
        )
        if review.status == "approved" and not kept_out:
            written = review.created_at.astimezone(zone).date()
            sums["VendorRatingDaily"][review.product.vendor_id, written][f"stars_{review.rating}"] += 1


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
