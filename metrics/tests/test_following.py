"""What changes a day besides orders: fees, reviews, imports, clocks; and what is told of it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from metrics.gauges import oldest_dirty_day
from metrics.models import PlatformDaily, PlatformSlice, PlatformTick, VendorDaily, VendorRatingDaily
from metrics.tests.recount import assert_exact
from metrics.tests.test_definitions import sold
from orders.models import Checkout, OrderItem, Product
from orders.services.days import VendorDay, VendorTick, mark_days
from orders.services.terms import set_fee
from orders.tests.factories import OrderFactory
from orders.tests.payment_factories import paid_order, tell
from reviews.models import Review
from reviews.services import hide_review, restore_review
from reviews.tests.factories import approved_review
from trustengine.accounts.tests.factories import VendorFactory
from trustengine.operations.tests.marketplace import CUSTOMER, ITEM, ORDER, PRODUCT, VENDOR, marketplace, numbered
from trustengine.testing import run_due_jobs

__all__ = ["marketplace"]

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_a_fee_corrected_by_an_operator_is_the_fee_of_all_days():
    vendor = VendorFactory()
    for days in range(4):
        sold(OrderFactory(placed_at=NOON + timedelta(days=days)), vendor=vendor, price=1_000)
    run_due_jobs()

    set_fee(vendor.pk, fee_bps=500, actor=None)
    run_due_jobs()

    assert set(VendorDaily.objects.values_list("platform_fees_cents", flat=True)) == {50}
    assert set(PlatformDaily.objects.values_list("platform_fees_cents", flat=True)) == {50}
    assert_exact()


def test_a_fee_is_followed_a_part_at_a_time(monkeypatch):
    monkeypatch.setattr("metrics.jobs.TICKS_AT_ONCE", 2)
    vendor = VendorFactory()
    for days in range(5):
        sold(OrderFactory(placed_at=NOON + timedelta(days=days)), vendor=vendor, price=1_000)
    run_due_jobs()

    set_fee(vendor.pk, fee_bps=500, actor=None)

    assert run_due_jobs() == 4  # two days, two days, one, none left
    assert_exact()


def test_reviews_count_on_the_day_on_which_they_were_written():
    review = approved_review(rating=4)
    Review.objects.filter(pk=review.pk).update(created_at=NOON)
    run_due_jobs()

    day = VendorRatingDaily.objects.get(vendor=review.product.vendor)
    assert (day.day, day.stars_4) == (NOON.date(), 1)
    hide_review(review.pk, actor=None, reason="spam")
    run_due_jobs()
    day.refresh_from_db()
    assert day.stars_4 == 0
    restore_review(review.pk, actor=None, reason="approved_ok")
    run_due_jobs()
    day.refresh_from_db()
    assert day.stars_4 == 1


def test_a_refunded_purchase_takes_its_review_out_of_the_day():
    order = paid_order()
    item = order.items.get()
    OrderItem.objects.filter(pk=item.pk).update(fulfilment_status="delivered", delivered_at=timezone.now())
    approved_review(OrderItem.objects.get(pk=item.pk), rating=2)
    run_due_jobs()
    assert VendorRatingDaily.objects.get().stars_2 == 1

    tell("charge.refunded", Checkout.objects.get(order=order), amount=1_000, amount_refunded=1_000, currency="eur")

    assert VendorRatingDaily.objects.get().stars_2 == 0


@pytest.mark.parametrize(
    ("zone", "moment", "day", "hour"),
    [
        ("Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29", 0),
        ("Europe/Berlin", "2026-03-29T00:59:00Z", "2026-03-29", 1),
        ("Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29", 3),
        ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25", 2),
        ("Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25", 2),
        ("Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-26", 0),
        ("America/Sao_Paulo", "2017-10-15T03:00:00Z", "2017-10-15", 1),
        ("America/Sao_Paulo", "2018-02-18T01:30:00Z", "2018-02-17", 23),
        ("America/Sao_Paulo", "2018-02-18T02:30:00Z", "2018-02-17", 23),
        ("Australia/Lord_Howe", "2026-04-04T14:45:00Z", "2026-04-05", 1),
        ("Australia/Lord_Howe", "2026-04-04T15:15:00Z", "2026-04-05", 1),
    ],
)
def test_days_and_hours_are_those_of_the_marketplace_s_clock_across_its_changes(settings, zone, moment, day, hour):
    settings.MARKETPLACE_TIME_ZONE = zone
    placed = datetime.fromisoformat(moment)
    sold(OrderFactory(placed_at=placed, day=placed.astimezone(ZoneInfo(zone)).date()))
    review = approved_review()
    Review.objects.filter(pk=review.pk).update(created_at=placed)

    run_due_jobs()

    slice_ = PlatformSlice.objects.get(day=day)
    assert (slice_.hour, slice_.orders) == (hour, 1)
    assert VendorRatingDaily.objects.get(vendor=review.product.vendor).day == date.fromisoformat(day)
    assert PlatformDaily.objects.get(day=day).orders == 1


def test_both_of_a_repeated_hour_s_orders_are_in_its_tick(settings):
    settings.MARKETPLACE_TIME_ZONE = "Europe/Berlin"
    for moment in ("2026-10-25T00:30:46Z", "2026-10-25T01:30:59Z"):
        sold(OrderFactory(placed_at=datetime.fromisoformat(moment), day=date(2026, 10, 25)))
    run_due_jobs()

    tick = PlatformTick.objects.get()
    assert (tick.tick, tick.orders) == (2 * 240 + 30 * 4 + 3, 2)
    assert_exact()


def test_an_order_keeps_its_day_and_tick_when_the_marketplace_s_time_zone_is_changed(settings):
    item = sold(OrderFactory(placed_at=datetime(2026, 3, 10, 23, 30, tzinfo=UTC)))
    run_due_jobs()
    settings.MARKETPLACE_TIME_ZONE = "Asia/Tokyo"
    mark_days(item.order)
    run_due_jobs()

    assert PlatformDaily.objects.values_list("day", "orders").get() == (date(2026, 3, 10), 1)
    assert PlatformTick.objects.values_list("tick", "orders").get() == (23 * 240 + 30 * 4, 1)


def test_an_import_leaves_no_day_behind(marketplace):
    marketplace.load()
    assert_exact()
    assert VendorDaily.objects.get().day == date(2017, 11, 24)
    assert VendorRatingDaily.objects.get().stars_5 == 1
    assert oldest_dirty_day() == 0 or not VendorDaily.objects.filter(aggregated_at=None).exists()


def test_an_import_locks_days_in_the_order_in_which_everybody_does(marketplace):
    """Else it and a backfill, which holds the stars of a day and wants the platform's, could wait for each other."""
    marketplace.load()
    marketplace.files["order_items"][0]["quantity"] = 3
    with CaptureQueriesContext(connection) as captured:
        marketplace.load()

    tables = ["metrics_vendordaily", "metrics_vendorratingdaily", "metrics_platformdaily"]
    statements = "\n".join(query["sql"] for query in captured)
    first = [statements.index(f"INSERT INTO {table} ") for table in tables]
    assert first == sorted(first)
    assert_exact()


def test_an_import_that_moves_what_was_there_before_makes_both_days_anew(marketplace):
    second = {"order_id": numbered(6, 2), "customer_id": CUSTOMER, "created_at": "2018-01-05T00:10:00"}
    marketplace.files["vendors"].append({"vendor_id": numbered(1, 2), "business_name": "Bo's"})
    marketplace.files["orders"].append(second)
    marketplace.files["order_items"].append(
        marketplace.files["order_items"][0] | {"order_item_id": numbered(7, 2), "order_id": second["order_id"]}
    )
    marketplace.load()
    assert_exact()

    marketplace.files["orders"][0]["created_at"] = "2017-11-30T23:59:00"
    marketplace.load()
    assert OrderItem.objects.get(pk=ITEM).day == date(2017, 11, 30)
    assert_exact()

    marketplace.files["order_items"][1] |= {"order_id": ORDER, "quantity": 3}
    marketplace.load()
    assert_exact()

    marketplace.files["order_items"][0] |= {"refunded_at": "2018-02-01T00:00:00"}
    marketplace.load()
    assert_exact()

    marketplace.files["products"][0]["vendor_id"] = numbered(1, 2)
    marketplace.files["order_items"][0]["refunded_at"] = ""
    marketplace.files["reviews"][0] |= {"rating": 3, "created_at": "2018-03-01T10:00:00"}
    marketplace.files["vendors"][0]["fee_bps"] = 100
    marketplace.load()
    run_due_jobs()
    assert Product.objects.get(pk=PRODUCT).vendor_id == VendorRatingDaily.objects.get(stars_3=1).vendor_id
    assert VendorDaily.objects.filter(vendor=VENDOR).exists()
    assert_exact()


def test_a_key_of_a_vendor_s_tick_is_read_as_it_was_written():
    key = VendorTick(VendorFactory().pk, date(2026, 3, 10), "EUR", 61)

    assert VendorTick.of(key.key) == key
    assert VendorDay.of(key.vendor_day.key) == key.vendor_day
