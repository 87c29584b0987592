"""Bookings a second: each in a transaction of its own, against bare inserts of as many rows; and orders followed."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from billing.models import LedgerAccount, LedgerTransaction
from billing.services.bookkeeping import book_orders
from billing.services.ledger import Line, book
from orders.clock import placement
from orders.models import Order, OrderItem, Product
from trustengine.accounts.models import Profile, User
from trustengine.bulk import Among, insert_rows
from trustengine.database_time import database_now
from trustengine.devtools.bench.rounds import Figures, Size, ratio, stopwatch
from trustengine.identifiers import uuid7
from trustengine.operations.registry import reconcilers
from trustengine.row_security import Reason, every_row

VENDORS = 100
PRICE, FEE = 1_999, 300
TOGETHER = 500  # orders in a batch of a backfill
SHARE_FOLLOWED = 20  # of the bookings, one in so many also as an order

Kind = LedgerAccount.Kind


def measure(size: Size) -> Figures:
    """A booking has three entries and moves three balances; so does a bare one, past triggers, locks and balances."""
    vendors = Profile.objects.bulk_create(Profile(kind=Profile.Kind.VENDOR) for _ in range(min(VENDORS, size.bookings)))
    with stopwatch() as booking:
        for number in range(size.bookings):
            _book(number, vendors[number % len(vendors)])
    with stopwatch() as bare:
        _insert_bare(size.bookings)
    count = size.bookings // SHARE_FOLLOWED
    followed, history = _make_orders(count, vendors), _make_orders(count, vendors)
    with stopwatch() as one_by_one:
        for order in followed:
            book_orders([order], history=True)
    with stopwatch() as together:
        for first in range(0, count, TOGETHER):
            book_orders(history[first : first + TOGETHER], history=True)
    _check([*followed, *history], size.bookings + 4 * count)
    bookings, inserts = booking.per_second(size.bookings), bare.per_second(size.bookings)
    return {
        "bookings_per_second": bookings,
        "bare_inserts_per_second": inserts,
        "bookings_to_bare_inserts": ratio(bookings, inserts),
        "orders_followed_per_second": one_by_one.per_second(count),
        "orders_backfilled_per_second": together.per_second(count),
    }


def _book(number: int, vendor: Profile) -> None:
    lines = [
        Line(Kind.PROCESSOR_CLEARING, -PRICE),
        Line(Kind.VENDOR_PENDING, PRICE - FEE, vendor.pk),
        Line(Kind.PLATFORM_FEES, FEE),
    ]
    book(LedgerTransaction.Kind.ORDER_PAID, f"bench:{number}", lines, currency=settings.MARKETPLACE_CURRENCY)


def _insert_bare(count: int) -> None:
    """As many rows, with their indexes, into tables that promise nothing."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare_transaction (LIKE billing_ledgertransaction INCLUDING INDEXES)")
        cursor.execute("CREATE TABLE bare_entry (LIKE billing_ledgerentry INCLUDING INDEXES)")
        for number in range(count):
            made = uuid7()
            with transaction.atomic():
                cursor.execute(
                    "INSERT INTO bare_transaction (id, key, kind, entry_count, occurred_at, booked_at)"
                    " VALUES (%s, %s, 'order_paid', 3, now(), now())",
                    [made, f"bench:{number}"],
                )
                cursor.execute(
                    "INSERT INTO bare_entry (id, transaction_id, account_id, amount_cents, currency, booked_at)"
                    " SELECT unnest(%s::uuid[]), %s, %s, 5, 'EUR', now()",
                    [[uuid7(), uuid7(), uuid7()], made, made],
                )


def _make_orders(count: int, vendors: Sequence[Profile]) -> list[UUID]:
    """Of one item each, delivered long ago: a payment and a release to book."""
    customer = Profile.objects.create(kind=Profile.Kind.CUSTOMER, user=User.objects.create())
    currency, moment = settings.MARKETPLACE_CURRENCY, database_now() - timedelta(days=60)
    products = Product.objects.bulk_create(
        Product(vendor=vendor, title="Thing", price_cents=PRICE, currency=currency) for vendor in vendors
    )
    ids = [uuid7() for _ in range(count)]
    placed = placement(moment)
    insert_rows(Order, [{"id": order, "customer_id": customer.pk, "currency": currency} | placed for order in ids])
    sold = {
        "day": placed["day"],
        "tick": placed["tick"],
        "quantity": 1,
        "unit_price_cents": PRICE,
        "fulfilment_status": "delivered",
        "delivered_at": moment,
    }
    insert_rows(
        OrderItem,
        [
            {"order_id": order, "product_id": products[place].pk, "vendor_id": products[place].vendor_id} | sold
            for number, order in enumerate(ids)
            for place in [number % len(products)]
        ],
    )
    return ids


def _check(orders: Sequence[UUID], booked: int) -> None:
    """The figures count for books that are right only."""
    ledger = reconcilers()["ledger"]()
    drifted = [*ledger.drifted(orders), *ledger.at_large()]
    assert not drifted, drifted[:3]
    with every_row(Reason.DEMO):
        assert LedgerTransaction.objects.filter(Among("order", orders) | Q(key__startswith="bench:")).count() == booked
