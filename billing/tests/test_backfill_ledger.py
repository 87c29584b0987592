"""``backfill ledger`` takes history into the books."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from billing.models import LedgerTransaction
from billing.services.bookkeeping import book_orders
from billing.tests.sales import assert_books_balance, balances, booked, order_of, refund, vendor
from orders.models import Order
from trustengine.operations.models import Run
from trustengine.operations.runs import begin
from trustengine.operations.tests.backfilling import backfill
from trustengine.row_security import Reason, every_row
from trustengine.testing import at_once, run_due_jobs

PLACED = timezone.now() - timedelta(days=400)


def history(by, count=1):
    """Imported orders of 10.00, delivered long ago, on days one after another."""
    orders = []
    for number in range(count):
        placed = PLACED + timedelta(days=number)
        order = order_of(
            1_000, by=by, imported=True, fulfilment_status="delivered", delivered_at=placed + timedelta(days=3)
        )
        Order.objects.filter(pk=order.pk).update(placed_at=placed, day=placed.date())
        orders.append(order)
    return orders


@pytest.mark.django_db
def test_history_is_booked_with_its_own_dates_and_once():
    seller = vendor()
    [order] = history(seller)

    code, told = backfill("ledger")

    assert (code, told["checked"], told["changed"]) == (0, 1, 1)
    with every_row(Reason.TEST):
        moments = dict(LedgerTransaction.objects.values_list("kind", "occurred_at"))
    assert moments == {"order_paid": PLACED, "item_released": PLACED + timedelta(days=10)}
    assert balances(seller) == {"available": 850}
    assert backfill("ledger")[1]["unchanged"] == 1
    assert booked(order) == ["order_paid", "item_released"]


@pytest.mark.django_db
def test_only_the_orders_of_these_days_are_booked():
    seller = vendor()
    history(seller, 5)

    day = partial(lambda number: str((PLACED + timedelta(days=number)).date()))
    _, told = backfill("ledger", "--from", day(1), "--to", day(3))

    assert (told["checked"], told["changed"]) == (3, 3)
    assert balances(seller) == {"available": 3 * 850}


@pytest.mark.django_db
def test_a_dry_run_books_nothing():
    seller = vendor()
    history(seller, 2)

    assert backfill("ledger", "--dry-run")[1]["changed"] == 2

    assert balances(seller) == {}


@pytest.mark.django_db
def test_an_interrupted_run_goes_on_where_it_stopped():
    seller = vendor()
    orders = sorted(order.pk for order in history(seller, 4))
    run = begin("backfill", "ledger")
    position = str(orders[1])
    Run.objects.filter(pk=run.pk).update(state="interrupted", position=position, finished_at=timezone.now())

    code, told = backfill("ledger", "--resume", str(run.pk), "--batch-size", "1")

    assert (code, told["changed"]) == (0, 2)
    assert balances(seller) == {"available": 2 * 850}


@pytest.mark.django_db
def test_what_was_booked_by_events_before_is_not_booked_again():
    seller = vendor()
    order = order_of(1_000, by=seller)
    refund(order, {order.items.get(): 400})
    run_due_jobs()

    assert backfill("ledger")[1]["unchanged"] == 1
    assert booked(order) == ["order_paid", "refund"]


@pytest.mark.django_db(transaction=True)
def test_two_backfills_at_once_book_everything_once():
    seller = vendor()
    orders = [order.pk for order in history(seller, 12)]

    outcomes = at_once(*[partial(book_orders, orders, history=True)] * 2)

    assert sorted(map(len, outcomes)) == [0, 12]
    assert balances(seller) == {"available": 12 * 850}
    assert_books_balance()


@pytest.mark.django_db
def test_a_backfill_of_many_orders_takes_no_more_statements(django_assert_max_num_queries):
    seller = vendor()
    few, many = history(seller, 2), history(seller, 20)
    with django_assert_max_num_queries(60) as of_few:
        book_orders([order.pk for order in few], history=True)

    with django_assert_max_num_queries(len(of_few)):
        book_orders([order.pk for order in many], history=True)
