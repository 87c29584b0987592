"""Refunds that the provider reports, by ``charge.refunded``: its own dashboard's, and the echo of ours.

The provider tells what has gone back of a charge in all. So what is new is that total less
what has been counted, whatever was repeated, came in another order, or was our own doing.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from orders.derivations import lock_orders
from orders.models import Checkout, Order, OrderItem, Refund, RefundLine
from orders.payments import events
from orders.services.refunding import lines_of
from orders.services.settling import left_cents, lock_items, settle_checkout_refund, settle_refunds
from orders.shares import shared_out
from trustengine.audit.services import record
from trustengine.database_time import database_now

Charge = Mapping[str, Any]


def report_refund(checkout: Checkout, order: Order, charge: Charge) -> str:
    """Count what a charge says has been refunded of an order, and had not been counted; says in words what followed.

    Named items get up to what is left of them, in proportion if it does not suffice; what
    goes beyond them, or names none, is first taken for refunds of ours that are under way,
    and then shared out over what is left of all items. Without an amount, all that is
    left of the named items, or of all, has been refunded.
    """
    lock_orders([order.pk])
    items = lock_items([order.pk])[order.pk]
    named, unknown = _named_items(charge, items)
    through_provider = order.refunds.exclude(provider="")
    total = events.cents(charge.get("amount_refunded"), provider=checkout.provider, currency=checkout.currency)
    settled = through_provider.filter(state=Refund.State.SUCCEEDED).values_list("amount_cents", flat=True)
    fresh = _left(named or items) if total is None else total - sum(settled)
    before = fresh
    in_flight = list(through_provider.filter(state__in=Refund.IN_FLIGHT).order_by("created_at", "pk"))
    if total is not None:
        fresh -= _settle_told_by_id(charge, in_flight)
    fresh -= _settle_own(in_flight, fresh, items=named)
    items = lock_items([order.pk])[order.pk]  # as they are after that
    wanted = {item.pk for item in named}
    named = [item for item in items if item.pk in wanted]
    given = _given(named, fresh)
    rest = fresh - sum(given.values())
    if rest > 0:
        rest -= _settle_own(in_flight, rest)
        items = lock_items([order.pk])[order.pk]
        others = [item for item in items if item.pk not in given] if named else items
        given |= _given(others, rest)
    if fresh > 0 or total is None:
        given |= {item.pk: 0 for item in named or items if _is_free(item) and item.pk not in given}
    if given:
        _count(checkout, order, charge, given)
    counted = min(before, before - fresh + sum(given.values()))
    words = f"Refunded {counted} on {len(given)} items." if counted > 0 or given else "Known already: nothing is new."
    return words + (f" {unknown} named items are not of this order." if unknown else "")


def report_checkout_refund(checkout: Checkout, charge: Charge) -> str:
    """Note that the money of a locked checkout which made no order has gone back, in words."""
    if checkout.state == Checkout.State.REFUNDED:
        return "Known already: nothing is new."
    paid = checkout.amount_cents if checkout.paid_cents is None else checkout.paid_cents
    total = events.cents(charge.get("amount_refunded"), provider=checkout.provider, currency=checkout.currency)
    if total is not None and total < paid:
        return f"Only {total} of {paid} has gone back: the rest is still due."
    refund = checkout.refunds.filter(state__in=Refund.IN_FLIGHT).first() or Refund.objects.create(
        checkout=checkout,
        amount_cents=paid,
        currency=checkout.currency,
        reason=Refund.Reason.REPORTED,
        state=Refund.State.SENT,
        provider=checkout.provider,
        payment_intent_id=checkout.payment_intent_id,
        sent_at=database_now(),
    )
    settle_checkout_refund(refund.pk)
    return f"Refunded {paid}: this payment made no order."


def _named_items(charge: Charge, items: Sequence[OrderItem]) -> tuple[list[OrderItem], int]:
    """The items that the charge, or its newest refund, names in its metadata; and how many it names in vain."""
    for source in (charge, _newest_refund(charge)):
        metadata = source.get("metadata")
        ids = _ids(metadata.get("order_item_ids")) if isinstance(metadata, dict) else set()
        if ids:
            found = [item for item in items if str(item.pk) in ids]
            return found, len(ids) - len(found)
    return [], 0


def _ids(value: Any) -> set[str]:
    """Item ids as a JSON list, as a list, or separated by commas."""
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return set()
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return {_canonical(part) for part in parts if isinstance(part, str) and part.strip()}


def _canonical(text: str) -> str:
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return text.strip()


def _refunds_told(charge: Charge) -> list[Mapping[str, Any]]:
    told = charge.get("refunds")
    data = told.get("data") if isinstance(told, dict) else told
    return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []


def _newest_refund(charge: Charge) -> Mapping[str, Any]:
    told = _refunds_told(charge)
    return max(told, key=lambda refund: events.moment(refund.get("created")), default={})


def _settle_told_by_id(charge: Charge, in_flight: list[Refund]) -> int:
    """Settle our refunds that the charge tells by their id or ours; returns what they come to."""
    told = _refunds_told(charge)
    ids = {events.text(refund.get("id")) for refund in told if refund.get("status") in {None, "succeeded"}}
    metadata = [refund.get("metadata") for refund in told if refund.get("status") in {None, "succeeded"}]
    ours = {str(each.get("refund")) for each in metadata if isinstance(each, dict)}
    return _settle(in_flight, [r for r in in_flight if r.provider_refund_id in ids - {""} or str(r.pk) in ours])


def _settle_own(in_flight: list[Refund], amount: int, *, items: Sequence[OrderItem] = ()) -> int:
    """Settle our refunds under way that this amount covers, oldest first; with ``items``, those for exactly these."""
    lines = lines_of([refund.pk for refund in in_flight])
    wanted = {item.pk for item in items}
    chosen = []
    left = amount
    for refund in in_flight:
        if refund.amount_cents <= left and (not wanted or set(lines[refund.pk]) == wanted):
            chosen.append(refund)
            left -= refund.amount_cents
    return _settle(in_flight, chosen)


def _settle(in_flight: list[Refund], chosen: Sequence[Refund]) -> int:
    settle_refunds([refund.pk for refund in chosen])
    for refund in chosen:
        in_flight.remove(refund)
    return sum(refund.amount_cents for refund in chosen)


def _given(items: Sequence[OrderItem], amount: int) -> dict[UUID, int]:
    shares = shared_out(max(0, amount), [left_cents(item) for item in items])
    return {item.pk: share for item, share in zip(items, shares, strict=True) if share}


def _left(items: Sequence[OrderItem]) -> int:
    return sum(left_cents(item) for item in items)


def _is_free(item: OrderItem) -> bool:
    return item.price_cents == 0 and item.refunded_at is None


def _count(checkout: Checkout, order: Order, charge: Charge, given: Mapping[UUID, int]) -> None:
    newest = events.text(_newest_refund(charge).get("id"))
    taken = Refund.objects.filter(provider=checkout.provider, provider_refund_id=newest).exists()
    refund = Refund.objects.create(
        order=order,
        amount_cents=sum(given.values()),
        currency=order.currency,
        reason=Refund.Reason.REPORTED,
        state=Refund.State.SENT,
        provider=checkout.provider,
        payment_intent_id=checkout.payment_intent_id,
        provider_refund_id="" if taken else newest,
        sent_at=database_now(),
    )
    RefundLine.objects.bulk_create(
        RefundLine(refund=refund, item_id=item, amount_cents=amount) for item, amount in given.items()
    )
    after = {"order": order.pk, "amount_cents": refund.amount_cents, "provider": refund.provider}
    record("refund.reported", refund, after=after, reason=refund.reason)
    settle_refunds([refund.pk])
