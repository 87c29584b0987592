"""Counting refunds on the items of orders: one function brings items in line with all refunds of their orders.

What an item has had refunded follows from the refunds that succeeded, in the order in which
they were made, and from the totals that the provider told; not from the order in which
events came. So a refund that is known late, fails later, or replaces an estimate moves the
others, too. Works on many orders at once, in a number of statements that does not grow with
them. The caller has locked orders, then items.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from orders.allocation import Cents
from orders.derivations import wrong_statuses
from orders.models import Order, OrderItem, Refund, RefundLine
from orders.order_refunds import OrderRefunds, read_refunds
from orders.services.days import mark_days_of
from trustengine.accounts.models import User
from trustengine.audit.models import Entry
from trustengine.audit.services import draft, record_all
from trustengine.bulk import update_rows
from trustengine.database_time import database_now
from trustengine.jobs.services import publish, publish_many


def count_refunds(
    items: Mapping[UUID, Sequence[OrderItem]], *, actor: User | None = None, reason: str = ""
) -> dict[UUID, Cents]:
    """Bring these orders' items in line with the refunds of their orders, and say so to all whom it concerns.

    ``items`` by order, locked. Returns what has changed, more or less, by order and item.
    """
    now = database_now()
    moves: dict[UUID, Cents] = {}
    writes = _Writes(actor, reason, now)
    for order_id, found in read_refunds(items).items():
        imported = found.imported()
        placed, estimate = found.placed()
        if estimate or found.estimate:
            writes.estimate(order_id, found, placed, estimate)
        writes.lines(found, placed)
        after: Cents = defaultdict(int, imported)
        named: set[UUID] = set()
        for on_items in placed.values():
            named |= on_items.keys()
            for item, cents in on_items.items():
                after[item] += cents
        if changed := writes.items(found, after, named):
            moves[order_id] = changed
    writes.commit()
    _publish(moves, actor, writes.entries)
    record_all(writes.entries)
    return moves


class _Writes:
    """What is to be written of several orders, gathered for few statements."""

    def __init__(self, actor: User | None, reason: str, now: datetime) -> None:
        self.actor, self.reason, self.now = actor, reason, now
        self.entries: list[Entry] = []
        self.changed_items: list[dict[str, Any]] = []
        self.changed_lines: list[dict[str, Any]] = []
        self.new_lines: list[RefundLine] = []

    def estimate(self, order_id: UUID, found: OrderRefunds, placed: dict[UUID, Cents], on_items: Cents) -> None:
        """Have the order's estimate be what the totals say beyond the known refunds, or go."""
        amount, known = sum(on_items.values()), found.estimate
        if known is not None and not on_items:
            known.delete()
            found.lines.pop(known.pk, None)
            self.entries.append(draft("refund.explained", ("orders.refund", known.pk), after={"order": order_id}))
            found.refunds.remove(known)
            return
        if known is None:
            checkout = found.checkout
            assert checkout is not None
            known = Refund.objects.create(
                order_id=order_id,
                amount_cents=amount,
                currency=checkout.currency,
                reason=Refund.Reason.REPORTED,
                state=Refund.State.SUCCEEDED,
                provider=checkout.provider,
                payment_intent_id=checkout.payment_intent_id,
                is_estimate=True,
                sent_at=self.now,
                settled_at=self.now,
            )
            after = {"order": order_id, "amount_cents": amount, "provider": checkout.provider}
            self.entries.append(draft("refund.reported", known, after=after, reason=known.reason))
        elif known.amount_cents != amount:
            known.amount_cents, known.settled_at = amount, self.now
            known.save(update_fields=["amount_cents", "settled_at"])
        placed[known.pk] = on_items

    def lines(self, found: OrderRefunds, placed: Mapping[UUID, Cents]) -> None:
        """What is counted of each refund on each item; of what we have not asked for, this is also its amount."""
        explicit = {refund.pk for refund in found.refunds if refund.made_at is None and not refund.is_estimate}
        for refund_id in found.lines.keys() | placed.keys():
            on_items, lines = placed.get(refund_id, {}), found.lines.get(refund_id, {})
            for item, line in lines.items():
                counted = on_items.get(item, 0)
                amount = line.amount_cents if refund_id in explicit else counted
                if (counted, amount) != (line.counted_cents, line.amount_cents):
                    self.changed_lines.append({"id": line.pk, "counted_cents": counted, "amount_cents": amount})
            for item in on_items.keys() - lines.keys():
                amount = 0 if refund_id in explicit else on_items[item]
                self.new_lines.append(
                    RefundLine(refund_id=refund_id, item_id=item, amount_cents=amount, counted_cents=on_items[item])
                )

    def items(self, found: OrderRefunds, after: Cents, named: Collection[UUID]) -> Cents:
        """Note what the items have refunded; returns what has changed."""
        changed: Cents = {}
        with_lines = {item for lines in found.lines.values() for item in lines}
        for item in found.items:
            before = {"refunded_cents": item.refunded_cents, "refunded_at": item.refunded_at}
            was = item.price_cents if item.refunded_at else item.refunded_cents
            is_back = after[item.pk] == item.price_cents
            if item.price_cents == 0:
                is_back = item.pk in named or (item.refunded_at is not None and item.pk not in with_lines)
            if is_back == (item.refunded_at is not None) and after[item.pk] == was:
                continue
            item.refunded_cents = after[item.pk]
            item.refunded_at = (item.refunded_at or self.now) if is_back else None
            now = {"refunded_cents": item.refunded_cents, "refunded_at": item.refunded_at}
            changed[item.pk] = after[item.pk] - was
            verb = "order_item.refunded" if changed[item.pk] >= 0 else "order_item.refund_reversed"
            self.entries.append(draft(verb, item, actor=self.actor, before=before, after=now, reason=self.reason))
            self.changed_items.append({"id": item.pk, **now})
        return changed

    def commit(self) -> None:
        update_rows(RefundLine, ["id"], self.changed_lines)
        RefundLine.objects.bulk_create(self.new_lines)
        update_rows(OrderItem, ["id"], self.changed_items)


def _publish(moves: Mapping[UUID, Cents], actor: User | None, entries: list[Entry]) -> None:
    """Derive the orders' status, and tell whoever listens."""
    if not moves:
        return
    entries += _derive(moves.keys(), actor)
    net = {order: sum(on_items.values()) for order, on_items in moves.items()}
    given = {order: [item for item, cents in on_items.items() if cents > 0] for order, on_items in moves.items()}
    publish_many(
        "orders.order_refunded",
        [
            {"order_id": order, "item_ids": given[order], "amount_cents": cents}
            for order, cents in net.items()
            if cents > 0
        ],
    )
    publish_many(
        "orders.refunds_reversed",
        [{"order_id": order, "amount_cents": -cents} for order, cents in net.items() if cents <= 0],
    )
    publish("orders.items_refunded", item_ids=[item for on_items in moves.values() for item in on_items])
    mark_days_of(moves)


def _derive(order_ids: Collection[UUID], actor: User | None) -> Iterable[Entry]:
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
