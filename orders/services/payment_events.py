"""What each kind of payment event does to a checkout or its order. Each handler repeats harmlessly.

A handler says in an ``Outcome`` what became of the event; what it raises makes the event a failed one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orders.models import Checkout, Dispute, Order, PaymentEvent, Refund
from orders.payments import events
from orders.services import stock
from orders.services.placing import is_taken_down, owe_refund, place_order
from orders.services.refund_reports import UnusableReport, read_charge, read_refund
from orders.services.reported_refunds import (
    report_charge,
    report_checkout_charge,
    report_checkout_refund,
    report_refund,
)
from trustengine.audit.services import record
from trustengine.jobs.services import publish

State = PaymentEvent.State
About = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    state: PaymentEvent.State
    words: str


Handle = Callable[[Checkout, PaymentEvent, About], Outcome]

PAID_WITHOUT_ORDER = {Checkout.State.REFUND_DUE, Checkout.State.REFUNDED}
NOT_PAID_YET = Outcome(State.WAITING, "The payment has not arrived yet.")


def paid(checkout: Checkout, event: PaymentEvent, intent: About) -> Outcome:
    """Make the order, if what was paid is what was asked for."""
    checkout = _lock(checkout)
    sent_back = checkout.refunds.exclude(state=Refund.State.FAILED).exists()
    if checkout.order_id or checkout.state == Checkout.State.REFUNDED or sent_back:
        return Outcome(State.IGNORED, "Known already: this payment has been dealt with.")
    told = intent.get("amount_received", intent.get("amount"))
    received = events.cents(told, provider=checkout.provider, currency=checkout.currency)
    paid_cents = checkout.amount_cents if told is None else received
    currency = intent.get("currency")
    if paid_cents != checkout.amount_cents or (currency and str(currency).upper() != checkout.currency):
        owe_refund(checkout, paid_cents=paid_cents or 0, reason="amount_differs")
        asked = f"{checkout.amount_cents} {checkout.currency}"
        return Outcome(
            State.FAILED, f"Paid {told} {currency or ''}, asked for {asked}: no order, a refund is due."[:200]
        )
    if is_taken_down(checkout):
        owe_refund(checkout, paid_cents=paid_cents, reason="product_moderated")
        return Outcome(State.PROCESSED, "A moderator has taken a product of it down: no order, a refund is due.")
    order = place_order(checkout, paid_cents=paid_cents)
    if order is None:
        return Outcome(State.PROCESSED, "Paid too late, nothing is left to sell: a refund is due.")
    return Outcome(State.PROCESSED, "The order was made.")


def payment_failed(checkout: Checkout, event: PaymentEvent, intent: About) -> Outcome:
    """Free the stock. Should the same payment succeed after all, it is a late one."""
    checkout = _lock(checkout)
    if checkout.state != Checkout.State.OPEN:
        return Outcome(State.IGNORED, f"The checkout was {checkout.get_state_display()} already.")
    stock.free(checkout)
    before = {"state": checkout.state}
    checkout.state = Checkout.State.FAILED
    checkout.save(update_fields=["state", "updated_at"])
    record("checkout.failed", checkout, before=before, after={"state": checkout.state}, reason=event.type[:80])
    publish("orders.checkout_failed", checkout_id=checkout.pk)
    return Outcome(State.PROCESSED, "The stock was freed.")


def charge_refunded(checkout: Checkout, event: PaymentEvent, charge: About) -> Outcome:
    """Take the total that went back, and the facts of refunds where the payload lists them."""
    if checkout.order:
        return _reported(report_charge, checkout, checkout.order, read_charge(checkout, event, charge))
    checkout = _lock(checkout)
    if checkout.state in PAID_WITHOUT_ORDER:
        return _reported(report_checkout_charge, checkout, read_charge(checkout, event, charge))
    return NOT_PAID_YET


def refund_told(checkout: Checkout, event: PaymentEvent, about: About) -> Outcome:
    """Take the facts of one refund, of ours or not: for how much, for which items, and whether the money has gone."""
    report = read_refund(checkout, event, about)
    if not report.id:
        return Outcome(State.IGNORED, "It names no refund.")
    if checkout.order:
        return _reported(report_refund, checkout, checkout.order, report)
    checkout = _lock(checkout)
    if checkout.state in PAID_WITHOUT_ORDER:
        return _reported(report_checkout_refund, checkout, report)
    return NOT_PAID_YET


def _reported(take: Callable[..., str], *facts: Any) -> Outcome:
    try:
        return Outcome(State.PROCESSED, take(*facts)[:200])
    except UnusableReport as problem:
        return Outcome(State.FAILED, str(problem))


def disputed(checkout: Checkout, event: PaymentEvent, about: About) -> Outcome:
    """Note that the customer's bank questions the payment."""
    if checkout.order is None:
        return _without_order(checkout)
    dispute, fresh = _dispute(checkout, checkout.order, event, about)
    if fresh:
        _tell("orders.payment_disputed", "order.payment_disputed", dispute)
    return Outcome(State.PROCESSED, "The dispute is open." if fresh else "Known already: nothing is new.")


def dispute_closed(checkout: Checkout, event: PaymentEvent, about: About) -> Outcome:
    """Note how the bank has decided. It may decide again; the newest decision counts, whichever comes first."""
    if checkout.order is None:
        return _without_order(checkout)
    dispute, _ = _dispute(checkout, checkout.order, event, about)
    outcome = events.text(about.get("status"), 40)
    if dispute.closed_at and event.made_at < dispute.closed_at:
        return Outcome(State.IGNORED, "The bank has decided again since.")
    is_known = dispute.closed_at is not None and outcome == dispute.outcome
    dispute.closed_at, dispute.outcome = event.made_at, outcome
    dispute.save(update_fields=["closed_at", "outcome"])
    if is_known:
        return Outcome(State.IGNORED, "Known already: nothing is new.")
    _tell("orders.dispute_closed", "order.dispute_closed", dispute)
    return Outcome(State.PROCESSED, f"The dispute was closed: {dispute.outcome or 'no outcome told'}.")


def _dispute(checkout: Checkout, order: Order, event: PaymentEvent, about: About) -> tuple[Dispute, bool]:
    """The dispute, locked, with what is earliest known of its opening; and whether it is new."""
    told = events.cents(about.get("amount"), provider=checkout.provider, currency=checkout.currency)
    named = events.text(about.get("id")) or event.pk
    opened_at = event.made_at
    if about.get("created") is not None:
        opened_at = min(opened_at, events.moment(about.get("created")))
    reason = events.text(about.get("reason"), 80)
    _, fresh = Dispute.objects.get_or_create(
        pk=named, defaults={"order": order, "amount_cents": told, "reason": reason, "opened_at": opened_at}
    )
    dispute = Dispute.objects.select_for_update(of=("self",), no_key=True).get(pk=named)
    if not fresh:
        dispute.opened_at = min(dispute.opened_at, opened_at)
        dispute.reason = dispute.reason or reason
        dispute.amount_cents = told if dispute.amount_cents is None else dispute.amount_cents
        dispute.save(update_fields=["opened_at", "reason", "amount_cents"])
    return dispute, fresh


def _tell(event: str, verb: str, dispute: Dispute) -> None:
    after = {"dispute": dispute.pk, "amount_cents": dispute.amount_cents, "outcome": dispute.outcome}
    record(verb, ("orders.order", dispute.order_id), after=after, reason=dispute.reason)
    publish(event, order_id=dispute.order_id, dispute_id=dispute.pk)


def _without_order(checkout: Checkout) -> Outcome:
    if checkout.state in PAID_WITHOUT_ORDER:
        return Outcome(State.IGNORED, "This payment made no order: nothing is to be held.")
    return NOT_PAID_YET


def _lock(checkout: Checkout) -> Checkout:
    return Checkout.objects.select_for_update(of=("self",), no_key=True).get(pk=checkout.pk)


# In the order in which the events of a payment make sense, in whichever they arrive.
HANDLERS: dict[str, Handle] = {
    "payment_intent.succeeded": paid,
    "payment_intent.payment_failed": payment_failed,
    "payment_intent.canceled": payment_failed,
    "refund.created": refund_told,
    "refund.updated": refund_told,
    "charge.refund.updated": refund_told,
    "refund.failed": refund_told,
    "charge.refunded": charge_refunded,
    "charge.dispute.created": disputed,
    "charge.dispute.closed": dispute_closed,
}
RANKS = {name: rank for rank, name in enumerate(HANDLERS)}
