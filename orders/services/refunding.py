"""Giving money back: what is asked for here, a job carries out through the payment provider.

Asking and carrying out are two steps, because a provider's answer cannot be rolled back.
An item counts as refunded once the money has gone, not when it was asked for.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from orders.jobs.payments import send_refunds
from orders.models import Checkout, Order, OrderItem, Refund, RefundLine
from orders.services.settling import left_cents, refunded_cents
from orders.services.stock import restock
from trustengine.accounts.models import User
from trustengine.audit.services import draft, record, record_all
from trustengine.bulk import Among
from trustengine.database_time import database_now
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied
from trustengine.jobs.services import enqueue

PERMISSION = "orders.send_refund"
SENT_TOGETHER = 100


@dataclass(frozen=True)
class Wanted:
    """A refund to be asked for: how much for which item of a locked order.

    ``source`` names what asks, where the same may ask again: it is carried out once.
    """

    order: Order
    lines: Mapping[UUID, int]
    reason: Refund.Reason
    note: str = ""
    source: str | None = None


def refund_items(
    order: Order, items: Sequence[OrderItem], *, reason: Refund.Reason, actor: User | None = None
) -> Refund | None:
    """Ask for what is left of these items' prices; None where nothing is left. The caller has locked order and items.

    What other refunds have already asked for is not asked for again.
    """
    left = open_cents(items)
    lines = {item.pk: left[item.pk] for item in items if left[item.pk]}
    if not lines:
        return None
    [refund] = request_refunds([Wanted(order, lines, reason)], actor=actor)
    return refund


def take_back(item: OrderItem, *, actor: User | None) -> None:
    """A vendor has cancelled an item of a locked order: its money goes back, its pieces on the shelf."""
    refund_items(item.order, [item], reason=Refund.Reason.VENDOR_CANCELLED, actor=actor)
    restock({item.product_id: item.quantity})


def open_cents(items: Iterable[OrderItem]) -> dict[UUID, int]:
    """What of each locked item's price has neither been refunded nor been asked for."""
    found = list(items)
    lines = RefundLine.objects.filter(Among("item", [item.pk for item in found]), refund__state__in=Refund.IN_FLIGHT)
    asked: dict[UUID, int] = dict(
        lines.order_by().values("item").annotate(asked=Sum("amount_cents")).values_list("item", "asked")
    )
    return {item.pk: max(0, left_cents(item) - asked.get(item.pk, 0)) for item in found}


@transaction.atomic
def request_refunds(wanted: Sequence[Wanted], *, actor: User | None = None) -> list[Refund]:
    """Ask for many refunds, of orders that the caller has locked; jobs carry them out, some at a time."""
    payments: dict[UUID | None, tuple[str, str]] = {
        order: (provider, intent)
        for order, provider, intent in Checkout.objects.filter(
            Among("order", [each.order.pk for each in wanted])
        ).values_list("order", "provider", "payment_intent_id")
    }
    refunds, lines, entries = [], [], []
    for each in wanted:
        provider, intent = payments.get(each.order.pk, ("", ""))
        refund = Refund(
            order=each.order,
            amount_cents=sum(each.lines.values()),
            currency=each.order.currency,
            reason=each.reason,
            note=each.note,
            source=each.source,
            provider=provider,
            payment_intent_id=intent,
            requested_by=actor,
        )
        refunds.append(refund)
        lines += [RefundLine(refund=refund, item_id=item, amount_cents=amount) for item, amount in each.lines.items()]
        after = {"order": each.order.pk, "amount_cents": refund.amount_cents, "provider": provider}
        entries.append(draft("refund.requested", refund, actor=actor, after=after, reason=each.reason))
    Refund.objects.bulk_create(refunds)
    RefundLine.objects.bulk_create(lines)
    record_all(entries)
    for first in range(0, len(refunds), SENT_TOGETHER):
        enqueue(send_refunds, refund_ids=[refund.pk for refund in refunds[first : first + SENT_TOGETHER]])
    return refunds


@transaction.atomic
def refund_checkout(checkout_id: UUID, *, actor: User | None) -> Refund:
    """Send back the money of a checkout that was paid and made no order.

    Asked twice, it is sent once. Raises NotFound, PermissionDenied, InvalidTransition where
    no refund is due.
    """
    if actor is not None and not actor.has_perm(PERMISSION):
        raise PermissionDenied
    checkout = Checkout.objects.select_for_update(of=("self",), no_key=True).filter(pk=checkout_id).first()
    if checkout is None:
        raise NotFound
    own = checkout.refunds.filter(reason=Refund.Reason.NO_ORDER).exclude(state=Refund.State.FAILED).first()
    if own is not None:
        return own
    if checkout.state != Checkout.State.REFUND_DUE:
        raise InvalidTransition("No refund is due for this checkout.")
    paid = checkout.amount_cents if checkout.paid_cents is None else checkout.paid_cents
    refund = Refund.objects.create(
        checkout=checkout,
        amount_cents=paid - refunded_cents(checkout),
        currency=checkout.currency,
        reason=Refund.Reason.NO_ORDER,
        provider=checkout.provider,
        payment_intent_id=checkout.payment_intent_id,
        requested_by=actor,
    )
    after = {"checkout": checkout.pk, "amount_cents": refund.amount_cents, "provider": refund.provider}
    record("refund.requested", refund, actor=actor, after=after, reason=refund.reason)
    enqueue(send_refunds, refund_ids=[refund.pk])
    return refund


@transaction.atomic
def fail_refund(refund_id: UUID, *, failure: str) -> bool:
    """Note that the provider will not carry a refund out; False if it has been settled. It may be asked for again."""
    refund = Refund.objects.select_for_update(of=("self",), no_key=True).get(pk=refund_id)
    if refund.state not in Refund.IN_FLIGHT:
        return False
    before = {"state": refund.state}
    refund.state, refund.settled_at = Refund.State.FAILED, database_now()
    refund.failure, refund.source = failure[:80], None
    refund.save(update_fields=["state", "settled_at", "failure", "source"])
    record("refund.failed", refund, before=before, after={"state": refund.state, "failure": refund.failure})
    return True


def lines_of(refund_ids: Collection[UUID]) -> dict[UUID, dict[UUID, int]]:
    """What each of these refunds gives back for which item."""
    lines: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for refund, item, amount in RefundLine.objects.filter(Among("refund", refund_ids)).values_list(
        "refund", "item", "amount_cents"
    ):
        lines[refund][item] = amount
    return lines
