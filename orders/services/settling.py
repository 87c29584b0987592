"""Counting money that has gone back: on the items it was for, their orders, the audit, and whoever listens.

Works on many refunds at once, in a number of statements that does not grow with them.
Locks: orders by id → their items by id → refunds by id.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from orders.derivations import lock_orders, wrong_statuses
from orders.models import Checkout, Order, OrderItem, Refund, RefundLine
from orders.services.days import mark_days_of
from orders.shares import shared_out
from trustengine.accounts.models import User
from trustengine.audit.models import Entry
from trustengine.audit.services import draft, record, record_all
from trustengine.bulk import Among, update_rows
from trustengine.database_time import database_now
from trustengine.jobs.services import publish, publish_many


@dataclass
class _OrderRefunded:
    """What one order's refunds have come to in this transaction."""

    amount_cents: int = 0
    items: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))


@transaction.atomic
def settle_refunds(
    refund_ids: Collection[UUID], *, provider_ids: Mapping[UUID, str] | None = None, actor: User | None = None
) -> int:
    """Count these refunds, of orders, as carried out; returns how many were not counted before.

    Idempotent. ``provider_ids`` are the provider's names of them, where known by now.
    """
    order_ids = set(Refund.objects.filter(Among("pk", refund_ids)).values_list("order", flat=True))
    lock_orders(order_ids)
    items = lock_items(order_ids)
    refunds = list(
        Refund.objects.filter(Among("pk", refund_ids), state__in=Refund.IN_FLIGHT)
        .select_for_update(of=("self",), no_key=True)
        .order_by("pk")
    )
    if not refunds:
        return 0
    now = database_now()
    told = provider_ids or {}
    update_rows(
        Refund,
        ["id"],
        [
            {
                "id": refund.pk,
                "state": Refund.State.SUCCEEDED,
                "settled_at": now,
                "provider_refund_id": told.get(refund.pk, refund.provider_refund_id),
            }
            for refund in refunds
        ],
    )
    _count(refunds, items, actor, now)
    return len(refunds)


def lock_items(order_ids: Collection[UUID]) -> dict[UUID, list[OrderItem]]:
    """The items of orders that the caller has locked, locked by id; by their order."""
    items = OrderItem.objects.filter(Among("order", order_ids)).select_for_update(of=("self",), no_key=True)
    by_order: dict[UUID, list[OrderItem]] = defaultdict(list)
    for item in items.order_by("pk"):
        by_order[item.order_id].append(item)
    return by_order


def left_cents(item: OrderItem) -> int:
    """What of an item's price has not been refunded yet."""
    return 0 if item.refunded_at else item.price_cents - item.refunded_cents


def _count(refunds: Sequence[Refund], items: Mapping[UUID, list[OrderItem]], actor: User | None, now: datetime) -> None:
    """Add settled refunds to their locked items, and say so to all whom it concerns."""
    lines: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for line in RefundLine.objects.filter(Among("refund", [refund.pk for refund in refunds])):
        lines[line.refund_id][line.item_id] = line.amount_cents
    entries: list[Entry] = []
    touched: dict[UUID, OrderItem] = {}
    outcomes: dict[UUID, _OrderRefunded] = defaultdict(_OrderRefunded)
    for refund in refunds:
        assert refund.order_id is not None
        outcome = outcomes[refund.order_id]
        outcome.amount_cents += refund.amount_cents
        for item, amount in _shares(lines[refund.pk], refund.amount_cents, items[refund.order_id]):
            entries.append(_add(item, amount, refund, actor, now))
            touched[item.pk] = item
            outcome.items[item.pk] += amount
        after = {"state": Refund.State.SUCCEEDED, "amount_cents": refund.amount_cents, "order": refund.order_id}
        before = {"state": refund.state}
        entries.append(draft("refund.settled", refund, actor=actor, before=before, after=after, reason=refund.reason))
    update_rows(
        OrderItem,
        ["id"],
        [
            {"id": item.pk, "refunded_cents": item.refunded_cents, "refunded_at": item.refunded_at}
            for item in touched.values()
        ],
    )
    entries += _derive(outcomes.keys(), actor)
    record_all(entries)
    publish_many(
        "orders.order_refunded",
        [
            {"order_id": order, "item_ids": list(outcome.items), "amount_cents": outcome.amount_cents}
            for order, outcome in outcomes.items()
        ],
    )
    if whole := [item.pk for item in touched.values() if item.refunded_at]:
        publish("orders.items_refunded", item_ids=whole)
    mark_days_of(outcomes)


def _shares(lines: Mapping[UUID, int], amount: int, items: Sequence[OrderItem]) -> Iterable[tuple[OrderItem, int]]:
    """What each item gets: what the refund says, and pro rata what no longer fits there.

    It fits, unless something else was refunded on the same item while this was under way.
    """
    given = {item.pk: min(lines[item.pk], left_cents(item)) for item in items if item.pk in lines}
    spilled = amount - sum(given.values())
    if spilled:
        room = shared_out(spilled, [left_cents(item) - given.get(item.pk, 0) for item in items])
        for item, more in zip(items, room, strict=True):
            if more:
                given[item.pk] = given.get(item.pk, 0) + more
    return [(item, given[item.pk]) for item in items if item.pk in given]


def _add(item: OrderItem, amount: int, refund: Refund, actor: User | None, now: datetime) -> Entry:
    before = {"refunded_cents": item.refunded_cents, "refunded_at": item.refunded_at}
    item.refunded_cents += amount
    if item.refunded_cents == item.price_cents and item.refunded_at is None:
        item.refunded_at = now
    after = {"refunded_cents": item.refunded_cents, "refunded_at": item.refunded_at, "refund": refund.pk}
    return draft("order_item.refunded", item, actor=actor, before=before, after=after, reason=refund.reason)


def _derive(order_ids: Collection[UUID], actor: User | None) -> list[Entry]:
    """Bring the status of these locked orders in line; returns what is to be recorded of it."""
    wrong = wrong_statuses(order_ids)
    changes = [
        {"id": order.order_id, "status": order.expected[0], "delivered_at": order.expected[1]} for order in wrong
    ]
    update_rows(Order, ["id"], changes)
    publish_many(
        "orders.order_status_changed", [{"order_id": order.order_id, "status": order.expected[0]} for order in wrong]
    )
    return [
        draft(
            "order.status_derived",
            ("orders.order", order.order_id),
            actor=actor,
            before=_told(order.found),
            after=_told(order.expected),
        )
        for order in wrong
    ]


def _told(status: tuple[str, datetime | None]) -> dict[str, Any]:
    return {"status": status[0], "delivered_at": status[1]}


@transaction.atomic
def settle_checkout_refund(refund_id: UUID, *, provider_id: str = "") -> bool:
    """Note that the money of a checkout without an order has gone back; False if that was known."""
    checkout_id = Refund.objects.values_list("checkout", flat=True).get(pk=refund_id)
    checkout = Checkout.objects.select_for_update(of=("self",), no_key=True).get(pk=checkout_id)
    refund = Refund.objects.select_for_update(of=("self",), no_key=True).get(pk=refund_id)
    if refund.state not in Refund.IN_FLIGHT:
        return False
    before = {"state": checkout.state}
    refund.state, refund.settled_at = Refund.State.SUCCEEDED, database_now()
    refund.provider_refund_id = provider_id or refund.provider_refund_id
    refund.save(update_fields=["state", "settled_at", "provider_refund_id"])
    checkout.state = Checkout.State.REFUNDED
    checkout.save(update_fields=["state", "updated_at"])
    after = {"state": checkout.state, "refund": refund.pk, "amount_cents": refund.amount_cents}
    record("checkout.refunded", checkout, before=before, after=after, reason=refund.reason)
    publish("orders.checkout_refunded", checkout_id=checkout.pk)
    return True
