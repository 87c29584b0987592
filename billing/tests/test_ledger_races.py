"""Bookings at once, and processes that die in the middle of one."""

from functools import partial

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from billing.models import Holding, LedgerTransaction
from billing.services.bookkeeping import book_orders, release_due
from billing.services.ledger import Line, book
from billing.tests.sales import (
    Kind,
    assert_books_balance,
    balances,
    booked,
    deliver,
    order_of,
    paid_order,
    refund,
    vendor,
)
from trustengine.jobs.models import Job
from trustengine.row_security import Reason, every_row
from trustengine.testing import at_once, run_due_jobs

pytestmark = pytest.mark.django_db(transaction=True)


def held_order(*prices, by):
    """Delivered, booked, and due for its release."""
    order = paid_order(*prices, by=by)
    deliver(order)
    run_due_jobs()
    deliver(order, days_ago=8)
    with every_row(Reason.TEST):
        Holding.objects.filter(order=order).update(release_at=timezone.now())
    Job.objects.all().delete()
    return order


def refund_and_book(order, item, cents):
    refund(order, {item: cents})
    return book_orders([order.pk])


def fail_on_errors(outcomes):
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []


@pytest.mark.parametrize("attempt", range(3))
def test_a_release_and_a_refund_of_one_item_at_once(attempt):
    seller = vendor()
    order = held_order(1_000, by=seller)
    item = order.items.get()

    fail_on_errors(at_once(partial(release_due, batches=3), partial(refund_and_book, order, item, 400)))
    release_due(batches=3)

    assert balances(seller) == {"available": 510}
    assert sorted(booked(order)) == ["item_released", "order_paid", "refund"]
    assert_books_balance()


def test_refunds_of_one_order_at_once_are_each_booked_once():
    seller = vendor()
    order = held_order(1_000, by=seller)
    item = order.items.get()

    fail_on_errors(at_once(*[partial(refund_and_book, order, item, 100)] * 4))
    book_orders([order.pk])

    assert balances(None) == {"processor_clearing": -600, "platform_fees": 90}
    assert_books_balance()


def test_releases_at_once_release_everything_once():
    seller = vendor()
    orders = [held_order(1_000, 500, by=seller) for _ in range(6)]

    outcomes = at_once(*[partial(release_due, batches=5)] * 4)
    release_due(batches=5)

    fail_on_errors(outcomes)
    assert balances(seller) == {"available": 6 * 1_275}
    assert all(booked(order).count("item_released") == 2 for order in orders)
    assert_books_balance()


def test_a_payout_and_a_refund_of_the_same_money_at_once_leave_a_debt_or_no_payout():
    for number in range(4):
        seller = vendor()
        order = held_order(1_000, by=seller)
        release_due(batches=1)
        lines = [Line(Kind.VENDOR_AVAILABLE, -850, seller.pk), Line(Kind.VENDOR_IN_PAYOUT, 850, seller.pk)]
        pay = partial(book, LedgerTransaction.Kind.PAYOUT, f"payout:{number}", lines, currency="EUR")

        at_once(pay, partial(refund_and_book, order, order.items.get(), 1_000))

        assert balances(seller) in ({}, {"in_payout": 850, "receivable": -850})
    assert_books_balance()


def test_orders_of_crossing_vendors_booked_at_once_do_not_deadlock():
    sellers = [vendor() for _ in range(4)]
    orders = [order_of(1_000, by=sellers[number % 4]).pk for number in range(16)]

    outcomes = at_once(*[partial(book_orders, orders[start:] + orders[:start]) for start in range(0, 16, 4)])

    fail_on_errors(outcomes)
    assert sum(map(len, outcomes)) == 16
    assert [balances(seller) for seller in sellers] == [{"pending": 4 * 850}] * 4
    assert_books_balance()


def test_a_worker_that_dies_between_booking_and_commit_has_booked_nothing_and_the_next_books_once():
    seller = vendor()
    order = paid_order(1_000, by=seller)

    def die_after_booking(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if "billing_ledgerentry" in str(sql) and "INSERT" in str(sql):
            connection.connection.close()  # to PostgreSQL, the process is gone
            raise OperationalError("the connection is lost")
        return result

    with connection.execute_wrapper(die_after_booking):
        run_due_jobs(failing=True)
    assert (balances(seller), booked(order)) == ({}, [])
    Job.objects.update(run_at=timezone.now())
    run_due_jobs()

    assert balances(seller) == {"pending": 850}
    assert booked(order) == ["order_paid"]
    assert_books_balance()
