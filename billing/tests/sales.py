"""Paid orders for tests, what happens to them, and what the books say."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from billing.models import LedgerAccount, LedgerEntry, LedgerTransaction
from orders.derivations import lock_orders
from orders.models import Dispute, Order, OrderItem, Refund, RefundLine, VendorTerms
from orders.services.counting import count_refunds
from orders.services.settling import lock_items, settle_refunds
from orders.tests.factories import CheckoutFactory, OrderFactory, OrderItemFactory, VendorFactory
from trustengine.accounts.models import Profile
from trustengine.identifiers import uuid7
from trustengine.jobs.services import publish
from trustengine.row_security import Reason, every_row

Kind = LedgerAccount.Kind


def vendor(fee_bps: int | None = None) -> Profile:
    made = VendorFactory()
    VendorTerms.objects.create(profile=made, fee_bps=fee_bps)
    return made


def order_of(*prices: int, by: Profile, imported: bool = False, **item: Any) -> Order:
    """An order of one piece at each of these prices, which nobody has been told of."""
    order = OrderFactory(placed_at=timezone.now() - timedelta(days=30))
    for price in prices:
        OrderItemFactory(order=order, product__vendor=by, unit_price_cents=price, **item)
    if not imported:
        CheckoutFactory(order=order, state="paid", amount_cents=sum(prices), customer=order.customer)
    return order


def paid_order(*prices: int, by: Profile, **item: Any) -> Order:
    """The same, told as ``place_order`` tells it."""
    order = order_of(*prices, by=by, **item)
    publish("orders.order_placed", order_id=order.pk)
    return order


def deliver(order: Order, *, days_ago: float = 0) -> None:
    moment = timezone.now() - timedelta(days=days_ago)
    for item in order.items.order_by("pk"):
        OrderItem.objects.filter(pk=item.pk).update(fulfilment_status="delivered", delivered_at=moment)
        publish("orders.item_moved", item_id=item.pk, order_id=order.pk, to="delivered")


def refund(order: Order, amounts: dict[OrderItem, int]) -> Refund:
    """Money that has gone back, counted as orders count it."""
    made = Refund.objects.create(
        order=order, amount_cents=sum(amounts.values()), currency=order.currency, reason="operator"
    )
    RefundLine.objects.bulk_create(
        RefundLine(refund=made, item=item, amount_cents=amount) for item, amount in amounts.items()
    )
    settle_refunds([made.pk])
    return made


def refund_fails(order: Order, number: int) -> None:
    """One of the order's refunds that had succeeded comes back, if there is any."""
    succeeded = list(Refund.objects.filter(order=order, state="succeeded").order_by("pk"))
    if succeeded:
        with transaction.atomic():
            lock_orders([order.pk])
            items = lock_items([order.pk])
            Refund.objects.filter(pk=succeeded[number % len(succeeded)].pk).update(state="failed", failure="test")
            count_refunds(items)


def dispute(order: Order, amount_cents: int | None = None) -> Dispute:
    opened = Dispute.objects.create(
        pk=f"dp_{uuid7()}", order=order, amount_cents=amount_cents, opened_at=timezone.now()
    )
    publish("orders.payment_disputed", order_id=order.pk, dispute_id=opened.pk)
    return opened


def close(opened: Dispute, outcome: str) -> None:
    opened.closed_at, opened.outcome = timezone.now(), outcome
    opened.save()
    publish("orders.dispute_closed", order_id=opened.order_id, dispute_id=opened.pk)


def days_pass(days: float, *orders: Order) -> None:
    """Everything about these orders happened so much earlier."""
    past = timedelta(days=days)
    items = OrderItem.objects.filter(order__in=orders)
    items.update(delivered_at=F("delivered_at") - past, returned_at=F("returned_at") - past)
    for order in orders:
        publish("orders.item_moved", order_id=order.pk, item_id=None, to="delivered")


def balances(of: Profile | None, currency: str = "EUR") -> dict[str, int]:
    """By kind of account; those with nothing on them left out."""
    with every_row(Reason.TEST):
        rows = LedgerAccount.objects.filter(profile=of, currency=currency).exclude(balance_cents=0)
        return {kind.removeprefix("vendor_"): cents for kind, cents in rows.values_list("kind", "balance_cents")}


def booked(order: Order) -> list[str]:
    """The kinds of an order's transactions, in their order."""
    with every_row(Reason.TEST):
        rows = LedgerTransaction.objects.filter(order=order).order_by("booked_at", "pk")
        return list(rows.values_list("kind", flat=True))


def assert_books_balance() -> None:
    """Entries add up to zero, and balances are the sums of their entries."""
    with every_row(Reason.TEST):
        entries = LedgerEntry.objects.order_by()
        assert not entries.values("currency").annotate(sum=Sum("amount_cents")).exclude(sum=0).exists()
        replayed = dict(entries.values_list("account").annotate(sum=Sum("amount_cents")))
        stored = dict(LedgerAccount.objects.values_list("pk", "balance_cents"))
    assert stored == {account: replayed.get(account, 0) for account in stored}
