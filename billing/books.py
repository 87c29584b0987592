"""An order as the books see it: its facts, and what has been booked of them. Read for many orders at once.

Inside ``every_row``.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, Max, OuterRef

from billing.models import Holding, LedgerAccount, LedgerEntry, LedgerTransaction
from orders.models import Checkout, Dispute, Order, OrderItem, Refund
from trustengine.bulk import Among

Kind = LedgerTransaction.Kind
Account = LedgerAccount.Kind

# What follows from an order's facts. What else is booked, such as payouts, settled debts and corrections by a person,
# is no item's.
OF_ITEMS = (
    Kind.ORDER_PAID,
    Kind.ITEM_RELEASED,
    Kind.REFUND,
    Kind.REFUND_REVERSED,
    Kind.CHARGEBACK,
    Kind.CHARGEBACK_WON,
    Kind.CORRECTION,
)


@dataclass(frozen=True)
class Sold:
    """An item's facts. ``fee_bps`` is what is agreed with its vendor now."""

    id: UUID
    vendor_id: UUID
    price_cents: int
    refunded_cents: int
    refunded_at: datetime | None
    fulfilment: str
    delivered_at: datetime | None
    returned_at: datetime | None
    fee_bps: int


class Booked(NamedTuple):
    """An amount that was booked for an item."""

    key: str
    kind: str
    account: str
    profile_id: UUID | None
    amount_cents: int


@dataclass
class OrderBook:
    """An order's facts, and what has been booked of them. ``in_books``: whether its money is ours to book.

    That is so when it was paid through a checkout, or when it was imported and has been
    booked by a backfill.
    """

    order_id: UUID
    currency: str
    placed_at: datetime
    has_checkout: bool
    items: list[Sold] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    booked: dict[UUID, list[Booked]] = field(default_factory=lambda: defaultdict(list))
    holdings: dict[UUID, datetime] = field(default_factory=dict)
    last_refund_at: datetime | None = None

    @property
    def in_books(self) -> bool:
        return self.has_checkout or bool(self.booked)

    @property
    def keys(self) -> set[str]:
        return {entry.key for entries in self.booked.values() for entry in entries}


def read_books(order_ids: Collection[UUID]) -> list[OrderBook]:
    """The books of these orders, by id, in a fixed number of statements."""
    paid = Exists(Checkout.objects.filter(order=OuterRef("pk")))
    orders = Order.objects.filter(Among("pk", order_ids)).order_by("pk").annotate(paid=paid)
    rows = orders.values_list("pk", "currency", "placed_at", "paid")
    books = {row[0]: OrderBook(*row) for row in rows}
    for item in OrderItem.objects.filter(Among("order", order_ids)).select_related("vendor__terms").order_by("pk"):
        books[item.order_id].items.append(_sold(item))
    for dispute in Dispute.objects.filter(Among("order", order_ids)).order_by("opened_at", "pk"):
        books[dispute.order_id].disputes.append(dispute)
    _read_booked(books)
    _read_refund_dates(books)
    return list(books.values())


def _sold(item: OrderItem) -> Sold:
    terms = getattr(item.vendor, "terms", None)
    agreed = terms and terms.fee_bps
    return Sold(
        id=item.pk,
        vendor_id=item.vendor_id,
        price_cents=item.price_cents,
        refunded_cents=item.price_cents if item.refunded_at else item.refunded_cents,
        refunded_at=item.refunded_at,
        fulfilment=item.fulfilment_status,
        delivered_at=item.delivered_at,
        returned_at=item.returned_at,
        fee_bps=settings.PLATFORM_FEE_BPS if agreed is None else agreed,
    )


def _read_booked(books: Mapping[UUID, OrderBook]) -> None:
    entries = LedgerEntry.objects.filter(Among("transaction__order", books), transaction__kind__in=OF_ITEMS)
    members = ("transaction__order", "item", "transaction__key", "transaction__kind", "account__kind", "profile")
    rows = entries.filter(item__isnull=False).order_by("pk").values_list(*members, "amount_cents", "currency")
    for order, item, key, kind, account, profile, amount, currency in rows:
        assert order
        assert item
        books[order].booked[item].append(Booked(key, kind, account, profile, amount))
        books[order].currency = currency  # an import may have given the order another one since
    for order, item, release_at in Holding.objects.filter(Among("order", books)).values_list(
        "order", "item", "release_at"
    ):
        books[order].holdings[item] = release_at


def _read_refund_dates(books: Mapping[UUID, OrderBook]) -> None:
    """Of partial refunds: an item's own date is that of its last one."""
    partly = [
        order
        for order, book in books.items()
        if any(item.refunded_cents and not item.refunded_at for item in book.items)
    ]
    if not partly:
        return
    refunds = Refund.objects.filter(Among("order", partly), state=Refund.State.SUCCEEDED).order_by()
    for order, last in refunds.values("order").annotate(last=Max("settled_at")).values_list("order", "last"):
        if order is not None:
            books[order].last_refund_at = last
