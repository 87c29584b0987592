"""Refunds that the payment provider reports: its own dashboard's, and the echo of ours.

Each refund's facts are kept as they are told, and what they come to on the items is counted
again from all of them. So the order in which events come does not matter, nor do repeats.
What a total says beyond the known refunds is an estimate until their facts come.

Locks: order → its items by id → its refunds by id; without an order, the checkout first.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from orders.allocation import Cents
from orders.derivations import lock_orders
from orders.models import Checkout, Order, OrderItem, Refund, RefundTotal
from orders.order_refunds import furthest, is_under_way
from orders.services.counting import count_refunds
from orders.services.refund_reports import ChargeReport, RefundReport, UnusableReport
from orders.services.settling import left_cents, lock_items, refunded_cents, settle_checkout
from trustengine.audit.services import record
from trustengine.database_time import database_now

State = Refund.State
RANKS = {State.REQUESTED: 0, State.SENT: 0, State.SUCCEEDED: 1, State.FAILED: 2}
NOTHING_NEW = "Known already: nothing is new."


def report_refund(checkout: Checkout, order: Order, report: RefundReport) -> str:
    """Take the facts of one refund of an order; says in words what followed."""
    lock_orders([order.pk])
    items = lock_items([order.pk])[order.pk]
    news = _take(checkout, order, report, items)
    return _in_words(_count(order, items), items, report.named) or news


def report_charge(checkout: Checkout, order: Order, report: ChargeReport) -> str:
    """Take the total that a charge of an order says has gone back, and the refunds it lists, if any; in words."""
    lock_orders([order.pk])
    items = lock_items([order.pk])[order.pk]
    for refund in report.refunds:
        _take(checkout, order, refund, items)
    if report.total_cents is not None or not report.refunds:
        total = _all_of_it(order, items, report) if report.total_cents is None else report.total_cents
        _take_total(checkout, report, total, [str(item.pk) for item in items if str(item.pk) in report.named])
    return _in_words(_count(order, items), items, report.named) or _with_unknown(NOTHING_NEW, items, report.named)


def report_checkout_refund(checkout: Checkout, report: RefundReport) -> str:
    """The same for the refund of a locked checkout that was paid and made no order."""
    return _checkout_in_words(checkout, _take(checkout, None, report))


def report_checkout_charge(checkout: Checkout, report: ChargeReport) -> str:
    """The same for the total of a locked checkout that was paid and made no order."""
    for refund in report.refunds:
        _take(checkout, None, refund)
    if report.total_cents is not None or not report.refunds:
        paid = checkout.amount_cents if checkout.paid_cents is None else checkout.paid_cents
        _take_total(checkout, report, paid if report.total_cents is None else report.total_cents, ())
    return _checkout_in_words(checkout, NOTHING_NEW)


def _take(checkout: Checkout, order: Order | None, report: RefundReport, items: Sequence[OrderItem] = ()) -> str:
    """Keep what is told of a refund. Its state only moves on: under way, succeeded, failed."""
    named = [str(item.pk) for item in items if str(item.pk) in report.named]
    refund = _find(checkout, report)
    if refund is None:
        return _begin(checkout, order, report, named)
    before = {"state": refund.state}
    # One that failed without ever having had a name there was not carried out, as far as we knew.
    rank = -1 if not refund.provider_refund_id and refund.state == State.FAILED else RANKS[State(refund.state)]
    refund.provider_refund_id = report.id
    moves = RANKS[report.state] > rank
    if moves:
        refund.state, refund.failure = report.state, report.failure
        refund.settled_at = None if report.state == State.SENT else database_now()
        refund.source = None if report.state == State.FAILED else refund.source
    if refund.made_at is not None:
        refund.made_at = min(refund.made_at, report.made_at)
        if named and (refund.named_at is None or report.told_at >= refund.named_at):
            refund.named_items, refund.named_at = named, report.told_at
    refund.save()
    if not moves:
        return NOTHING_NEW if refund.settled_at else "The refund is under way."
    verb = "refund.failed" if refund.state == State.FAILED else "refund.settled"
    after = {"state": refund.state, "amount_cents": refund.amount_cents, "order": refund.order_id}
    record(verb, refund, before=before, after={**after, "failure": refund.failure}, reason=refund.reason)
    return "The refund failed." if refund.state == State.FAILED else "Refunded."


def _find(checkout: Checkout, report: RefundReport) -> Refund | None:
    """The refund that is told of, locked: by its name, or one that has none yet: ours, or counted before names were."""
    refunds = Refund.objects.filter(provider=checkout.provider).select_for_update(of=("self",), no_key=True)
    found = refunds.filter(provider_refund_id=report.id).first()
    if found is not None and found.payment_intent_id != checkout.payment_intent_id:
        raise UnusableReport("This refund is known as one of another payment.")
    unnamed = refunds.filter(payment_intent_id=checkout.payment_intent_id, provider_refund_id="", is_estimate=False)
    if found is None and report.own_id:
        found = unnamed.filter(pk=report.own_id).first()
    if found is None and report.amount_cents is not None:
        by_amount = unnamed.filter(reason=Refund.Reason.REPORTED, amount_cents=report.amount_cents)
        found = by_amount.order_by("pk").first()
    return found


def _begin(checkout: Checkout, order: Order | None, report: RefundReport, named: list[str]) -> str:
    if report.amount_cents is None:
        raise UnusableReport("A refund that was not asked for here, and it names no amount.")
    now = database_now()
    refund = Refund.objects.create(
        order=order,
        checkout=None if order else checkout,
        amount_cents=report.amount_cents,
        currency=checkout.currency,
        reason=Refund.Reason.REPORTED,
        state=report.state,
        provider=checkout.provider,
        payment_intent_id=checkout.payment_intent_id,
        provider_refund_id=report.id,
        failure=report.failure,
        made_at=report.made_at,
        named_items=named,
        named_at=report.told_at if named else None,
        sent_at=now,
        settled_at=None if report.state == State.SENT else now,
    )
    after = {"state": refund.state, "order": refund.order_id, "amount_cents": refund.amount_cents}
    record("refund.reported", refund, after={**after, "provider": refund.provider}, reason=refund.reason)
    return {State.SENT: "The refund is under way.", State.FAILED: "The refund failed."}.get(report.state, NOTHING_NEW)


def _all_of_it(order: Order, items: Sequence[OrderItem], report: ChargeReport) -> int:
    """The total where a charge tells none: what had gone back, and all that is left of the named items, or of all."""
    named = [item for item in items if str(item.pk) in report.named] or items
    settled = order.refunds.exclude(provider="").filter(state=State.SUCCEEDED)
    return sum(settled.values_list("amount_cents", flat=True)) + sum(left_cents(item) for item in named)


def _take_total(checkout: Checkout, report: ChargeReport, total: int, named: Sequence[str]) -> None:
    """Keep a total. Items that one event names for it and another does not are named."""
    found, _ = RefundTotal.objects.get_or_create(
        checkout=checkout, total_cents=total, defaults={"received_at": report.received_at}
    )
    found.named_items = sorted({*found.named_items, *named})
    found.received_at = min(found.received_at, report.received_at)
    found.save(update_fields=["named_items", "received_at"])


def _count(order: Order, items: Sequence[OrderItem]) -> Cents:
    return count_refunds({order.pk: items}, reason=Refund.Reason.REPORTED).get(order.pk, {})


def _in_words(moved: Mapping[UUID, int], items: Sequence[OrderItem], named: Sequence[str]) -> str:
    if not moved:
        return ""
    net = sum(moved.values())
    if net < 0:
        return f"{-net} did not go back after all: it is still owed to the customer."
    words = f"Refunded {net} on {len(moved)} items." if net or not any(moved.values()) else "Counted on other items."
    return _with_unknown(words, items, named)


def _with_unknown(words: str, items: Sequence[OrderItem], named: Sequence[str]) -> str:
    unknown = len(set(named) - {str(item.pk) for item in items})
    return words + (f" {unknown} named items are not of this order." if unknown else "")


def _checkout_in_words(checkout: Checkout, news: str) -> str:
    before = checkout.state
    _estimate_of_checkout(checkout)
    settle_checkout(checkout, reason=Refund.Reason.REPORTED)
    paid = checkout.amount_cents if checkout.paid_cents is None else checkout.paid_cents
    back = refunded_cents(checkout)
    if checkout.state == Checkout.State.REFUND_DUE:
        return f"Only {back} of {paid} has gone back: the rest is still due."
    return news if checkout.state == before else f"Refunded {back}: this payment made no order."


def _estimate_of_checkout(checkout: Checkout) -> None:
    """Have the checkout's estimate be what its total says beyond the known refunds and those under way."""
    refunds = list(checkout.refunds.filter(is_estimate=False))
    total, known = furthest(checkout.refund_totals.all(), refunds)
    under_way = sum(each.amount_cents for each in refunds if total and is_under_way(each, total))
    amount = total.total_cents - known - under_way if total else 0
    if amount <= 0:
        checkout.refunds.filter(is_estimate=True).delete()
        return
    now = database_now()
    checkout.refunds.update_or_create(
        is_estimate=True,
        defaults={"amount_cents": amount, "settled_at": now},
        create_defaults={
            "is_estimate": True,
            "amount_cents": amount,
            "currency": checkout.currency,
            "reason": Refund.Reason.REPORTED,
            "state": State.SUCCEEDED,
            "provider": checkout.provider,
            "payment_intent_id": checkout.payment_intent_id,
            "sent_at": now,
            "settled_at": now,
        },
    )
