"""``reconcile metrics`` and ``backfill metrics``: what is wrong, missing or of nothing, and how it is put right."""

import io
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command

from metrics.gauges import dead_jobs, drift, oldest_dirty_day
from metrics.jobs import follow_orders
from metrics.models import (
    PlatformDaily,
    PlatformSlice,
    PlatformTick,
    ProductDaily,
    VendorDaily,
    VendorRatingDaily,
    VendorSlice,
)
from metrics.reconcilers import day_of, key_of
from metrics.services import aggregate_vendor_days
from metrics.tests.recount import assert_exact, stored
from metrics.tests.test_definitions import sold
from orders.models import OrderItem
from orders.services import derive_order_status
from orders.services.days import VendorDay, mark_days
from orders.tests.factories import OrderFactory
from reviews.models import Review
from reviews.tests.factories import approved_review, delivered_purchase
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of
from trustengine.operations.models import Run
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
TABLES = [VendorDaily, VendorSlice, ProductDaily, PlatformTick, PlatformSlice, PlatformDaily, VendorRatingDaily]


def history(days=3):
    """Days of two orders each, and a review, all of them summed up."""
    for number in range(days):
        for hours in (0, 5):
            sold(OrderFactory(placed_at=NOON + timedelta(days=number, hours=hours)), price=1_001, quantity=2)
    item = delivered_purchase()
    derive_order_status(item.order)
    mark_days(item.order)
    review = approved_review(item)
    Review.objects.filter(pk=review.pk).update(created_at=NOON)
    run_due_jobs()
    assert_exact()


def reconcile(*arguments):
    output, code = io.StringIO(), 0
    try:
        call_command("reconcile", "metrics", "--json", *arguments, stdout=output)
    except SystemExit as leaving:
        code = leaving.code
    return code, json.loads(output.getvalue())["targets"]["metrics"]


def backfill(*arguments):
    output = io.StringIO()
    call_command("backfill", "metrics", "--json", *arguments, stdout=output)
    return json.loads(output.getvalue())


def test_days_that_agree_are_compared_and_left_alone():
    history()

    code, found = reconcile()

    assert code == 0
    assert found["checked"] >= 3
    assert found["drifted"] == 0


@pytest.mark.parametrize("model", TABLES)
def test_a_wrong_row_a_missing_row_and_a_row_of_nothing_are_found_and_fixed(model):
    history(days=1)
    wrong, column = model.objects.last(), "stars_4" if model is VendorRatingDaily else "orders"
    model.objects.filter(pk=wrong.pk).update(**{column: 77})
    code, found = reconcile()
    assert (code, found["drifted"]) == (1, 1)
    assert reconcile("--fix")[0] == 0
    assert_exact()

    model.objects.all().delete()
    assert reconcile()[0] == 1
    assert reconcile("--fix")[0] == 0
    assert_exact()

    wrong = model.objects.last()
    wrong.pk, wrong.day = None, date(2020, 1, 1)
    wrong.save()
    assert reconcile()[0] == 1
    assert reconcile("--fix")[0] == 0
    assert_exact()


def test_without_fix_nothing_is_changed():
    history(days=1)
    VendorDaily.objects.update(gmv_cents=1)
    before = stored()

    reconcile()

    assert stored() == before


def test_a_row_that_a_job_is_still_to_make_is_late_and_another_of_that_day_is_drift():
    history(days=1)
    item = sold()
    code, found = reconcile()
    assert (code, found["drifted"], found["pending"]) == (0, 0, 1)

    VendorDaily.objects.filter(day=item.day).exclude(vendor=item.vendor).update(orders=9)
    code, found = reconcile()
    assert (code, found["drifted"], found["pending"]) == (1, 1, 0)


@pytest.mark.parametrize("model", [VendorSlice, ProductDaily, PlatformTick])
def test_a_row_that_no_waiting_job_makes_is_drift_though_its_day_is_late(model):
    item = sold(OrderFactory(placed_at=NOON))
    sold(OrderFactory(placed_at=NOON + timedelta(hours=5)), vendor=item.vendor)
    run_due_jobs()
    model.objects.filter(pk=model.objects.order_by("pk").last().pk).update(orders=9)
    mark_days(item.order)

    assert reconcile()[1]["drifted"] == 1


def test_a_dead_letter_excuses_nothing():
    sold()
    Job.objects.filter(kind=handler_of(follow_orders).kind).update(state="dead", dead_letter_at=NOON)

    assert reconcile()[0] == 1
    assert dead_jobs() == 1
    assert oldest_dirty_day() >= 0


def test_only_a_day_or_what_changed_lately_is_compared():
    history()
    VendorDaily.objects.update(orders=9)

    assert reconcile("--id", str(key_of(NOON.date())))[1]["drifted"] == 1
    assert reconcile("--id", "0190c5a4-5a4e-7d06-a7b0-0c2c3c8b7e11")[1]["checked"] == 0
    assert reconcile("--since", "2100-01-01")[1]["checked"] == 0
    assert day_of(key_of(date(2026, 12, 31))) == date(2026, 12, 31)


@pytest.mark.parametrize("copy", [{"day": date(2020, 1, 1)}, {"tick": 0}])
def test_an_item_whose_copy_of_the_day_or_tick_is_another_is_told(copy):
    item = sold()
    run_due_jobs()
    OrderItem.objects.filter(pk=item.pk).update(**copy)

    code, found = reconcile()

    assert code == 1
    assert str(item.pk) in [example["key"] for example in found["examples"]]


def test_what_a_whole_comparison_leaves_wrong_is_a_gauge():
    history(days=1)
    assert drift() == 0
    VendorDaily.objects.filter(day=NOON.date()).update(orders=9)
    reconcile()

    assert drift() == 1


def test_a_backfill_makes_days_from_nothing_and_says_which_it_changed():
    history()
    for model in TABLES:
        model.objects.all().delete()

    rehearsal = backfill("--dry-run")
    assert not VendorDaily.objects.exists()
    told = backfill()

    assert_exact()
    assert rehearsal["changed"] == told["changed"] >= 3
    assert backfill()["changed"] == 0


def test_a_backfill_makes_hours_of_nothing_zero():
    history(days=1)
    PlatformSlice.objects.create(day=NOON.date(), currency="EUR", hour=20, orders=5)
    PlatformDaily.objects.filter(day=NOON.date()).update(orders=9)

    backfill()

    assert_exact()


def test_whole_days_are_made_for_the_keys_that_are_locked_and_no_others():
    """What came meanwhile is another run's, whose lock is not held."""
    mine, other = sold(), sold()
    aggregate_vendor_days([VendorDay(mine.vendor_id, mine.day, "EUR")], whole_days=[mine.day])

    for table in (VendorDaily, VendorSlice, ProductDaily):
        assert set(table.objects.values_list("vendor", flat=True)) == {mine.vendor_id}
    run_due_jobs()
    assert VendorDaily.objects.filter(vendor=other.vendor).exists()
    assert_exact()


def test_a_backfill_keeps_to_its_days():
    history()
    VendorDaily.objects.update(orders=9)

    told = backfill("--from", "2026-03-11", "--to", "2026-03-11")

    assert (told["checked"], told["changed"]) == (1, 1)
    assert VendorDaily.objects.filter(orders=9).exists()
    assert not VendorDaily.objects.filter(orders=9, day="2026-03-11").exists()


def test_an_interrupted_backfill_goes_on_where_it_stopped():
    history()
    VendorDaily.objects.update(orders=9)
    run = backfill("--to", "2026-03-10")["run"]
    Run.objects.filter(pk=run).update(state="interrupted", arguments={})

    backfill("--resume", run)

    assert_exact()


def test_the_days_are_told_from_orders_marked_while_a_backfill_runs():
    """Both make the row from the facts under its lock."""
    history(days=1)
    order = OrderItem.objects.first().order
    mark_days(order)
    PlatformDaily.objects.update(orders=9)

    backfill()
    run_due_jobs()

    assert_exact()
