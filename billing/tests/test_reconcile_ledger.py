"""``reconcile ledger``: the books against the orders, and against themselves."""

import json
from datetime import timedelta
from io import StringIO

import pgtrigger
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from billing.gauges.ledger import (
    oldest_unbooked,
    overdue_release,
    owing_vendors,
    receivable,
    unbalanced_currencies,
)
from billing.models import Holding, LedgerAccount, LedgerEntry, LedgerTransaction
from billing.services.bookkeeping import book_orders, release_due
from billing.services.ledger import Line, book
from billing.tests.sales import (
    Kind,
    assert_books_balance,
    balances,
    booked,
    close,
    deliver,
    dispute,
    order_of,
    paid_order,
    refund,
    vendor,
)
from orders.models import Dispute, OrderItem
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.row_security import Reason, every_row
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


def reconcile(*arguments):
    """The exit code, and what was found of the ledger."""
    output, code = StringIO(), 0
    try:
        call_command("reconcile", "ledger", *arguments, "--json", stdout=output)
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    found = json.loads(output.getvalue())["targets"]["ledger"]
    return code, found


def test_books_that_jobs_have_written_have_no_drift():
    seller = vendor()
    for number in range(5):
        order = paid_order(1_000, 333, by=seller)
        if number:
            deliver(order, days_ago=3 * number)
        if number > 2:
            refund(order, {order.items.first(): 77})
    close(dispute(order), "lost")
    run_due_jobs()

    assert reconcile("--batch-size", "2") == (
        0,
        {"checked": 5, "drifted": 0, "fixed": 0, "pending": 0, "examples": []},
    )


def test_what_is_not_booked_yet_is_pending_while_its_job_is_open_and_drift_without():
    order = paid_order(1_000, by=vendor())
    assert reconcile()[1]["pending"] == 1
    Job.objects.all().delete()

    code, found = reconcile()

    assert (code, found["drifted"]) == (1, 1)
    [example] = found["examples"]
    assert example["expected"]["clearing_cents"] == -1_000
    assert example["found"]["missing"] == [f"paid:{order.pk}"]


def test_a_fix_books_what_is_missing_with_its_dates_and_leaves_a_trace():
    seller = vendor()
    order = order_of(1_000, by=seller)
    deliver(order, days_ago=9)
    refund(order, {order.items.get(): 500})
    Job.objects.all().delete()

    code, found = reconcile("--fix")

    assert (code, found["fixed"]) == (0, 1)
    assert booked(order) == ["order_paid", "refund", "item_released"]
    assert balances(seller) == {"available": 425}
    assert Entry.objects.filter(verb="reconcile.ledger_fixed", object_id=order.pk).exists()
    assert reconcile()[0] == 0


def test_imported_orders_that_no_backfill_has_booked_are_none_of_the_books():
    order_of(1_000, by=vendor(), imported=True)

    assert reconcile()[1]["drifted"] == 0


def test_what_an_import_has_changed_since_is_booked_anew_by_a_fix():
    seller = vendor(fee_bps=1_000)
    order = order_of(1_000, 500, by=seller, imported=True)
    book_orders([order.pk], history=True)
    first, second = order.items.order_by("pk")
    OrderItem.objects.filter(pk=first.pk).update(unit_price_cents=1_200)
    OrderItem.objects.filter(pk=second.pk).update(refunded_cents=500, refunded_at=timezone.now())

    assert reconcile("--fix")[0] == 0
    assert balances(seller) == {"pending": 1_080}
    OrderItem.objects.filter(pk=second.pk).update(refunded_cents=0, refunded_at=None)

    assert reconcile("--fix")[0] == 0
    assert balances(seller) == {"pending": 1_530}
    assert booked(order) == ["order_paid", "order_paid", "refund", "refund_reversed"]
    assert reconcile()[1]["drifted"] == 0
    assert_books_balance()


def test_a_refund_that_an_import_has_taken_back_is_released_and_may_come_again():
    seller = vendor()
    order = order_of(1_000, by=seller, imported=True)
    OrderItem.objects.filter(order=order).update(
        fulfilment_status="delivered",
        delivered_at=timezone.now() - timedelta(days=20),
        refunded_cents=1_000,
        refunded_at=timezone.now() - timedelta(days=10),
    )
    book_orders([order.pk], history=True)
    OrderItem.objects.filter(order=order).update(refunded_cents=0, refunded_at=None)

    assert reconcile("--fix")[0] == 0
    assert reconcile()[1]["drifted"] == 0
    release_due(batches=1)
    assert reconcile()[1]["drifted"] == 0
    assert balances(seller) == {"available": 850}
    OrderItem.objects.filter(order=order).update(refunded_cents=1_000, refunded_at=timezone.now())
    book_orders([order.pk])

    assert reconcile()[1]["drifted"] == 0
    assert balances(seller) == {}
    assert booked(order) == ["order_paid", "refund", "refund_reversed", "item_released", "refund"]
    assert_books_balance()


def test_a_refund_that_an_import_has_taken_back_is_held_until_the_hold_has_passed():
    seller = vendor()
    order = order_of(1_000, by=seller, imported=True)
    OrderItem.objects.filter(order=order).update(
        fulfilment_status="delivered",
        delivered_at=timezone.now() - timedelta(days=1),
        refunded_cents=1_000,
        refunded_at=timezone.now(),
    )
    book_orders([order.pk], history=True)
    OrderItem.objects.filter(order=order).update(refunded_cents=0, refunded_at=None)
    assert reconcile("--fix")[0] == 0

    book_orders([order.pk])  # as after any event of the order's

    assert reconcile()[1]["drifted"] == 0
    assert balances(seller) == {"pending": 850}
    with every_row(Reason.TEST):
        assert Holding.objects.filter(order=order).exists()


def test_a_wrong_booking_is_put_right_by_a_correction():
    seller = vendor()
    order = paid_order(1_000, by=seller)
    run_due_jobs()
    item = order.items.get()
    lines = [Line(Kind.VENDOR_PENDING, 100, seller.pk, item.pk), Line(Kind.PLATFORM_FEES, -100, None, item.pk)]
    book(LedgerTransaction.Kind.REFUND, "a bug", lines, currency="EUR", order_id=order.pk)

    assert reconcile("--fix")[0] == 0

    assert balances(seller) == {"pending": 850}
    assert booked(order)[-1] == "correction"


def test_a_release_that_nobody_made_is_drift_after_a_while_only():
    order = paid_order(1_000, by=vendor())
    deliver(order)
    run_due_jobs()

    def held_until(minutes_ago):
        moment = timezone.now() - timedelta(days=7, minutes=minutes_ago)
        OrderItem.objects.filter(order=order).update(delivered_at=moment)
        with every_row(Reason.TEST):
            Holding.objects.update(release_at=moment + timedelta(days=7))

    held_until(5)
    assert reconcile()[0] == 0
    held_until(20)

    assert reconcile()[1]["examples"][0]["found"]["missing"] == [f"released:{order.items.get().pk}"]
    assert overdue_release() == pytest.approx(1_200, abs=30)


def test_a_balance_that_is_not_the_sum_of_its_entries_is_set():
    seller = vendor()
    paid_order(1_000, by=seller)
    run_due_jobs()
    with every_row(Reason.TEST):
        LedgerAccount.objects.filter(profile=seller).update(balance_cents=1)
    assert unbalanced_currencies() == 1

    assert reconcile()[1]["drifted"] == 1
    assert reconcile("--fix")[0] == 0

    assert balances(seller) == {"pending": 850}
    assert unbalanced_currencies() == 0
    assert Entry.objects.filter(verb="reconcile.ledger_fixed", object_type="billing.ledgeraccount").exists()


def test_what_was_slipped_past_the_triggers_is_found_and_left_to_a_person():
    paid_order(1_000, by=vendor())
    run_due_jobs()
    with every_row(Reason.TEST), pgtrigger.ignore():
        LedgerEntry.objects.filter(account__kind=Kind.PLATFORM_FEES).update(amount_cents=1)
        connection.check_constraints()

    code, found = reconcile("--fix")

    assert code == 1
    assert {"sum_cents": 0} in [example["expected"] for example in found["examples"]]
    assert found["fixed"] < found["drifted"]


def test_gauges_tell_what_waits_and_what_is_owed():
    seller = vendor()
    order = paid_order(1_000, by=seller)
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert oldest_unbooked() == pytest.approx(300, abs=30)
    run_due_jobs()
    assert (oldest_unbooked(), overdue_release(), unbalanced_currencies()) == (0, 0, 0)
    deliver(order, days_ago=8)
    run_due_jobs()
    lines = [Line(Kind.VENDOR_AVAILABLE, -850, seller.pk), Line(Kind.PROCESSOR_CLEARING, 850)]
    book(LedgerTransaction.Kind.PAYOUT, "payout:1", lines, currency="EUR")

    refund(order, {order.items.get(): 1_000})
    run_due_jobs()

    assert receivable() == {("EUR",): 850}
    assert owing_vendors() == {("EUR",): 1}


def test_only_orders_of_which_something_changed_since_a_date_are_compared():
    old, young = (paid_order(1_000, by=vendor()) for _ in range(2))
    run_due_jobs()
    past = "2020-01-01T00:00Z"
    for order in (old, young):
        type(order).objects.filter(pk=order.pk).update(updated_at=past)
        OrderItem.objects.filter(order=order).update(updated_at=past)
    assert reconcile("--since", "2020-01-02")[1]["checked"] == 0

    Dispute.objects.create(pk="dp_1", order=young, opened_at=timezone.now())

    assert reconcile("--since", "2020-01-02")[1]["checked"] == 1
