"""What happens to orders, and what the books say then."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import Holding, LedgerTransaction
from billing.services.bookkeeping import book_orders, release_due
from billing.services.ledger import Line, book
from billing.tests.sales import (
    Kind,
    assert_books_balance,
    balances,
    booked,
    close,
    days_pass,
    deliver,
    dispute,
    order_of,
    paid_order,
    refund,
    vendor,
)
from orders.models import Dispute, OrderItem
from orders.services import cancel_order
from orders.tests.factories import OrderItemFactory
from orders.tests.payment_factories import open_checkout, tell
from orders.tests.payment_factories import paid_order as checked_out_order
from trustengine.accounts.tests.factories import MembershipFactory
from trustengine.row_security import Reason, every_row, seen_by
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


def pay_out(to, cents, key="payout:1"):
    lines = [Line(Kind.VENDOR_AVAILABLE, -cents, to.pk), Line(Kind.PROCESSOR_CLEARING, cents)]
    assert book(LedgerTransaction.Kind.PAYOUT, key, lines, currency="EUR")


def released_order(*prices, by):
    order = paid_order(*prices, by=by)
    deliver(order, days_ago=8)
    run_due_jobs()
    return order


def test_a_paid_order_is_booked_with_each_vendors_fee():
    cheap, dear = vendor(fee_bps=250), vendor()
    order = paid_order(1_000, 999, by=cheap)
    OrderItemFactory(order=order, product__vendor=dear, unit_price_cents=2_001, quantity=2)

    run_due_jobs()

    assert balances(cheap) == {"pending": 1_000 - 25 + 999 - 25}
    assert balances(dear) == {"pending": 4_002 - 600}  # 600.3
    assert balances(None) == {"processor_clearing": -6_001, "platform_fees": 650}
    assert booked(order) == ["order_paid"]
    assert_books_balance()


def test_a_fee_in_the_middle_of_two_cents_is_the_even_one():
    seller = vendor(fee_bps=500)

    paid_order(30, 50, by=seller)  # 1.5 and 2.5
    run_due_jobs()

    assert balances(None)["platform_fees"] == 4


def test_money_is_held_for_days_after_the_delivery_and_then_available(settings):
    seller = vendor()
    order = paid_order(1_000, by=seller)
    deliver(order, days_ago=settings.PAYOUT_HOLD_DAYS - 1)
    run_due_jobs()
    assert balances(seller) == {"pending": 850}
    with every_row(Reason.TEST):
        assert Holding.objects.get().release_at > timezone.now()

    days_pass(1, order)
    run_due_jobs()

    assert balances(seller) == {"available": 850}
    with every_row(Reason.TEST):
        assert not Holding.objects.exists()
        assert LedgerTransaction.objects.get(kind="item_released").occurred_at < timezone.now()


def test_the_scheduled_release_finds_what_no_event_tells_of():
    seller = vendor()
    orders = [paid_order(1_000, by=seller) for _ in range(3)]
    for order in orders:
        deliver(order, days_ago=6)
    run_due_jobs()
    with every_row(Reason.TEST):
        Holding.objects.update(release_at=timezone.now() - timedelta(minutes=1))
    OrderItem.objects.filter(order__in=orders[:2]).update(delivered_at=timezone.now() - timedelta(days=8))

    assert release_due(batches=5) == 3  # of the third, the holding is corrected

    assert balances(seller) == {"available": 1_700, "pending": 850}
    assert release_due(batches=5) == 0


def test_a_partial_refund_gives_its_part_of_the_fee_back_and_a_full_one_all_of_it():
    seller = vendor(fee_bps=1_234)
    order = paid_order(999, by=seller)
    [item] = order.items.all()
    for amount in (100, 333, 566):
        refund(order, {item: amount})
        run_due_jobs()
        assert_books_balance()

    assert balances(seller) == balances(None) == {}
    assert booked(order) == ["order_paid", "refund", "refund", "refund"]


def test_a_refund_after_the_release_comes_out_of_what_is_available_and_then_is_owed():
    seller = vendor()
    order = released_order(1_000, 500, by=seller)
    first, second = order.items.order_by("pk")
    pay_out(seller, 1_000)
    assert balances(seller) == {"available": 275}

    refund(order, {first: 1_000})
    run_due_jobs()
    assert balances(seller) == {"receivable": -575}
    refund(order, {second: 500})
    run_due_jobs()

    assert balances(seller) == {"receivable": -1_000}
    assert balances(None) == {"processor_clearing": 1_000}
    assert_books_balance()


def test_what_is_owed_is_settled_by_the_next_release():
    seller = vendor()
    order = released_order(1_000, by=seller)
    pay_out(seller, 850)
    refund(order, {order.items.get(): 1_000})
    run_due_jobs()
    assert balances(seller) == {"receivable": -850}

    released_order(400, by=seller)
    assert balances(seller) == {"receivable": -510}
    last = released_order(1_000, by=seller)

    assert balances(seller) == {"available": 340}
    assert booked(last) == ["order_paid", "item_released", "receivable_settled"]
    assert_books_balance()


def test_a_cancelled_order_is_booked_back_once():
    checkout = open_checkout()
    order = checked_out_order(checkout)
    [item] = order.items.all()
    assert balances(item.vendor) == {"pending": 850}

    cancel_order(order.pk, actor=order.customer.user)
    run_due_jobs()
    tell("charge.refunded", checkout, amount_refunded=1_000)  # the echo

    assert balances(item.vendor) == balances(None) == {}
    assert booked(order) == ["order_paid", "refund"]


def test_nothing_is_released_while_a_payment_is_disputed_and_all_of_it_once_that_is_won():
    seller = vendor()
    order = paid_order(1_000, by=seller)
    deliver(order, days_ago=6)
    run_due_jobs()
    opened = dispute(order, 1_000)
    run_due_jobs()
    days_pass(30, order)
    run_due_jobs()
    assert balances(seller) == {"pending": 850}
    assert release_due(batches=1) == 0

    close(opened, "won")
    run_due_jobs()

    assert balances(seller) == {"available": 850}
    with every_row(Reason.TEST):
        assert LedgerTransaction.objects.get(kind="item_released").occurred_at == opened.closed_at


def test_a_lost_dispute_takes_what_is_left_of_the_items_and_gives_the_fee_back():
    one, other = vendor(), vendor()
    order = paid_order(1_000, by=one)
    OrderItemFactory(order=order, product__vendor=other, unit_price_cents=3_000)
    run_due_jobs()
    refund(order, {order.items.get(vendor=other): 1_000})

    close(dispute(order, 1_500), "lost")
    run_due_jobs()

    assert balances(one) == {"pending": 425}  # 500 of its 1,000
    assert balances(other) == {"pending": 850}  # 1,000 of its 2,000
    assert balances(None) == {"processor_clearing": -1_500, "platform_fees": 225}
    assert booked(order) == ["order_paid", "refund", "chargeback"]
    assert_books_balance()


def test_a_dispute_without_an_amount_takes_all_that_is_left():
    seller = vendor()
    order = released_order(1_000, by=seller)

    close(dispute(order), "lost")
    run_due_jobs()

    assert balances(seller) == balances(None) == {}


def test_what_goes_back_twice_is_the_platforms_loss():
    seller = vendor()
    order = paid_order(1_000, by=seller)
    run_due_jobs()
    close(dispute(order, 1_000), "lost")
    run_due_jobs()

    refund(order, {order.items.get(): 1_000})
    run_due_jobs()

    assert balances(seller) == {}
    assert balances(None) == {"processor_clearing": 1_000, "platform_fees": -1_000}
    assert_books_balance()


def test_a_dispute_that_is_lost_no_longer_is_booked_back():
    seller = vendor()
    order = released_order(1_000, by=seller)
    lost = dispute(order, 600)
    close(lost, "lost")
    run_due_jobs()
    assert balances(seller) == {"available": 340}

    close(lost, "won")
    run_due_jobs()
    run_due_jobs()

    assert balances(seller) == {"available": 850}
    assert booked(order)[-2:] == ["chargeback", "chargeback_won"]


def test_a_return_lets_the_hold_begin_anew_and_without_a_delivery_nothing_is_released():
    seller = vendor()
    returned, undelivered = paid_order(1_000, by=seller), paid_order(500, by=seller)
    deliver(returned, days_ago=6)
    OrderItem.objects.filter(order=returned).update(fulfilment_status="returned", returned_at=timezone.now())
    OrderItem.objects.filter(order=undelivered).update(fulfilment_status="returned", returned_at=timezone.now())
    days_pass(6, returned, undelivered)
    run_due_jobs()
    assert balances(seller) == {"pending": 850 + 425}

    days_pass(60, returned, undelivered)
    run_due_jobs()

    assert balances(seller) == {"pending": 425, "available": 850}


def test_an_item_refunded_in_full_is_never_released():
    seller = vendor()
    order = paid_order(1_000, by=seller)
    deliver(order, days_ago=8)
    refund(order, {order.items.get(): 1_000})

    run_due_jobs()

    assert balances(seller) == {}
    assert booked(order) == ["order_paid", "refund"]


def test_events_that_come_twice_late_or_in_any_order_end_in_the_same_books():
    seller = vendor()
    told = paid_order(1_000, by=seller)
    deliver(told, days_ago=8)
    run_due_jobs()
    refund(told, {told.items.get(): 400})
    run_due_jobs()
    in_turn = balances(seller), balances(None)
    late = order_of(1_000, by=seller)
    deliver(late, days_ago=8)
    refund(late, {late.items.get(): 400})

    for _ in range(2):
        run_due_jobs()
        book_orders([late.pk, told.pk])

    assert balances(seller) == {kind: 2 * cents for kind, cents in in_turn[0].items()}
    assert balances(None) == {kind: 2 * cents for kind, cents in in_turn[1].items()}
    assert_books_balance()


def test_an_imported_order_is_booked_by_a_backfill_only_and_followed_from_then_on():
    seller = vendor()
    order = order_of(1_000, by=seller, imported=True)
    deliver(order)
    run_due_jobs()
    assert balances(seller) == {}

    book_orders([order.pk], history=True)
    assert balances(seller) == {"pending": 850}
    with every_row(Reason.TEST):
        assert LedgerTransaction.objects.get().occurred_at == order.placed_at
    refund(order, {order.items.get(): 1_000})
    run_due_jobs()

    assert balances(seller) == {}


def test_an_imported_item_that_was_cancelled_was_not_paid_unless_it_was_refunded():
    seller, now = vendor(), timezone.now()
    cancelled = order_of(1_000, by=seller, imported=True, fulfilment_status="cancelled", cancelled_at=now)
    given_back = {"fulfilment_status": "cancelled", "refunded_at": now, "refunded_cents": 1_000}
    refunded = order_of(1_000, by=seller, imported=True, **given_back)

    book_orders([cancelled.pk, refunded.pk], history=True)

    assert (booked(cancelled), booked(refunded)) == ([], ["order_paid", "refund"])
    assert balances(seller) == balances(None) == {}


def test_members_see_when_their_own_money_is_released_and_nobody_elses():
    mine, other = vendor(), vendor()
    for seller in (mine, other):
        deliver(paid_order(1_000, by=seller))
    run_due_jobs()

    with seen_by(MembershipFactory(profile=mine).user):
        assert set(Holding.objects.values_list("profile", flat=True)) == {mine.pk}
    assert not Holding.objects.exists()


def test_following_an_order_takes_a_fixed_number_of_statements(django_assert_num_queries):
    seller = vendor()
    small, large = order_of(1_000, by=seller), order_of(*[1_000] * 12, by=seller)
    with CaptureQueriesContext(connection) as of_small:
        book_orders([small.pk])

    with django_assert_num_queries(len(of_small) - 1):  # the accounts are there by now
        book_orders([large.pk])


def test_names_of_disputes_may_be_as_long_as_a_provider_likes():
    seller = vendor()
    order = paid_order(1_000, by=seller)
    Dispute.objects.create(
        pk="d" * 255, order=order, opened_at=timezone.now(), closed_at=timezone.now(), outcome="lost"
    )

    for _ in range(2):
        book_orders([order.pk])

    assert booked(order) == ["order_paid", "chargeback"]


@pytest.mark.parametrize(
    ("outcome", "left"), [("lost", {}), ("won", {"available": 850}), ("warning_closed", {"available": 850})]
)
def test_disputes_are_followed_as_the_provider_tells_them(outcome, left):
    checkout = open_checkout()
    order = checked_out_order(checkout)
    tell("charge.dispute.created", checkout, id="dp_1", amount=1_000, reason="fraudulent")
    deliver(order, days_ago=8)
    run_due_jobs()
    [item] = order.items.all()
    assert balances(item.vendor) == {"pending": 850}

    tell("charge.dispute.closed", checkout, id="dp_1", amount=1_000, status=outcome)
    release_due(batches=1)

    assert balances(item.vendor) == left
