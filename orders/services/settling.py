"""Noting that money has gone back: for orders, many at once, and for payments that made no order.

Works on many refunds at once, in a number of statements that does not grow with them.
Locks: orders by id → their items by id → refunds by id.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from uuid import UUID

from django.db import transaction

from orders.derivations import lock_orders
from orders.models import Checkout, OrderItem, Refund
from orders.order_refunds import furthest
from orders.services.counting import count_refunds
from trustengine.accounts.models import User
from trustengine.audit.services import draft, record, record_all
from trustengine.bulk import Among, update_rows
from trustengine.database_time import database_now
from trustengine.jobs.services import publish


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
    record_all(
        draft(
            "refund.settled",
            refund,
            actor=actor,
            before={"state": refund.state},
            after={"state": Refund.State.SUCCEEDED, "amount_cents": refund.amount_cents, "order": refund.order_id},
            reason=refund.reason,
        )
        for refund in refunds
    )
    count_refunds(items, actor=actor, reason=refunds[0].reason)
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


@transaction.atomic
def settle_checkout_refund(refund_id: UUID, *, provider_id: str = "") -> bool:
    """Note that the money of a checkout without an order has gone back; False if that was known."""
    checkout_id = Refund.objects.values_list("checkout", flat=True).get(pk=refund_id)
    checkout = Checkout.objects.select_for_update(of=("self",), no_key=True).get(pk=checkout_id)
    refund = Refund.objects.select_for_update(of=("self",), no_key=True).get(pk=refund_id)
    if refund.state not in Refund.IN_FLIGHT:
        return False
    refund.state, refund.settled_at = Refund.State.SUCCEEDED, database_now()
    refund.provider_refund_id = provider_id or refund.provider_refund_id
    refund.save(update_fields=["state", "settled_at", "provider_refund_id"])
    settle_checkout(checkout, reason=refund.reason)
    return True


def refunded_cents(checkout: Checkout) -> int:
    """What has gone back of a payment that made no order: by refunds known one by one, and beyond them by the total."""
    refunds = list(checkout.refunds.filter(is_estimate=False))
    gone = sum(refund.amount_cents for refund in refunds if refund.state == Refund.State.SUCCEEDED)
    total, known = furthest(checkout.refund_totals.all(), refunds)
    return gone + (total.total_cents - known if total else 0)


def settle_checkout(checkout: Checkout, *, reason: str = "") -> None:
    """Have a locked checkout that was paid and made no order be refunded, or due to be, as its refunds say."""
    paid = checkout.amount_cents if checkout.paid_cents is None else checkout.paid_cents
    back = refunded_cents(checkout)
    state = Checkout.State.REFUNDED if back >= paid else Checkout.State.REFUND_DUE
    if checkout.state == state or checkout.state not in {Checkout.State.REFUNDED, Checkout.State.REFUND_DUE}:
        return
    before = {"state": checkout.state}
    checkout.state = state
    checkout.save(update_fields=["state", "updated_at"])
    verb, event = (
        ("checkout.refunded", "orders.checkout_refunded")
        if state == Checkout.State.REFUNDED
        else ("checkout.refund_due", "orders.checkout_refund_due")
    )
    record(verb, checkout, before=before, after={"state": state, "refunded_cents": back}, reason=reason)
    publish(event, checkout_id=checkout.pk)
