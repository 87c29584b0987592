"""What a number means, case by case, against figures worked out by hand."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from django.db import connection

from metrics import definitions
from metrics.models import PlatformDaily, ProductDaily, VendorDaily
from metrics.services import aggregate_vendor_days
from metrics.tests.recount import assert_exact, recount
from orders.models import OrderItem, VendorTerms
from orders.services import derive_order_status, transition_item
from orders.services.days import VendorDay, mark_days
from orders.tests.factories import OrderFactory, OrderItemFactory, ProductFactory
from trustengine.accounts.tests.factories import MembershipFactory, VendorFactory
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def sold(order=None, *, vendor=None, product=None, price=1_000, quantity=1, **fields):
    """An item of an order; its day is marked as a service would."""
    order = order or OrderFactory(placed_at=NOON)
    product = product or ProductFactory(vendor=vendor or VendorFactory())
    item = OrderItemFactory(order=order, product=product, unit_price_cents=price, quantity=quantity, **fields)
    derive_order_status(order)
    mark_days(order)
    return item


def the_day():
    run_due_jobs()
    assert_exact()
    return PlatformDaily.objects.get()


def test_a_day_is_what_its_orders_come_to():
    order = OrderFactory(placed_at=NOON)
    first = sold(order, price=1_999, quantity=2)
    sold(order, price=500)
    sold(vendor=first.vendor, price=101)

    day = the_day()

    assert (day.orders, day.units, day.gmv_cents) == (2, 4, 3_998 + 500 + 101)
    # 15 % of 3,998 is 599.7, of 500 is 75, of 101 is 15.15: each rounded by itself
    assert day.platform_fees_cents == 600 + 75 + 15
    assert day.pending_payout_cents == 4_599 - 690
    mine = VendorDaily.objects.get(vendor=first.vendor)
    assert (mine.orders, mine.units, mine.gmv_cents, mine.platform_fees_cents) == (2, 3, 4_099, 615)


def test_an_order_of_two_vendors_is_one_order_of_the_platform_and_one_of_each():
    order = OrderFactory(placed_at=NOON)
    sold(order)
    sold(order)

    assert the_day().orders == 1
    assert list(VendorDaily.objects.values_list("orders", flat=True)) == [1, 1]


def test_a_cancelled_item_of_a_counted_order_counts_for_nothing_not_even_its_refund():
    order = OrderFactory(placed_at=NOON)
    kept = sold(order, price=1_000)
    sold(order, price=700, fulfilment_status="cancelled", refunded_cents=700, refunded_at=NOON)

    day = the_day()

    assert (day.orders, day.units, day.gmv_cents, day.refunds_cents) == (1, 1, 1_000, 0)
    assert (day.placed_items, day.cancelled_items, day.refunded_items) == (2, 1, 0)
    assert VendorDaily.objects.exclude(vendor=kept.vendor).get().orders == 0
    assert ProductDaily.objects.get().product == kept.product


def test_an_order_refunded_in_full_stands_in_neither_sales_nor_refunds():
    sold(price=700, refunded_cents=700, refunded_at=NOON)

    day = the_day()

    assert (day.orders, day.gmv_cents, day.refunds_cents, day.platform_fees_cents) == (0, 0, 0, 0)
    assert (day.placed_items, day.refunded_items) == (1, 1)


def test_a_refund_in_part_lowers_the_fee_and_the_payout():
    sold(price=1_000, refunded_cents=300)

    day = the_day()

    assert (day.gmv_cents, day.refunds_cents, day.platform_fees_cents, day.pending_payout_cents) == (
        1_000,
        300,
        105,
        595,
    )


def test_a_vendor_pays_the_fee_that_was_agreed_and_others_the_default(settings):
    settings.PLATFORM_FEE_BPS = 2_000
    agreed, free = VendorFactory(), VendorFactory()
    VendorTerms.objects.create(profile=agreed, fee_bps=1_234)
    VendorTerms.objects.create(profile=free, fee_bps=0)
    items = [sold(vendor=vendor, price=1_000) for vendor in (agreed, free, None)]

    the_day()

    fees = [VendorDaily.objects.get(vendor=item.vendor).platform_fees_cents for item in items]
    assert fees == [123, 0, 200]


def test_currencies_are_kept_apart():
    vendor = VendorFactory()
    for currency in ("EUR", "USD"):
        sold(OrderFactory(placed_at=NOON, currency=currency), vendor=vendor)

    run_due_jobs()

    assert_exact()
    assert set(PlatformDaily.objects.values_list("currency", "orders")) == {("EUR", 1), ("USD", 1)}
    assert VendorDaily.objects.filter(vendor=vendor).count() == 2


def test_delivery_takes_from_placement_to_arrival():
    sold(fulfilment_status="delivered", delivered_at=datetime(2026, 3, 12, 12, 0, 30, tzinfo=UTC))

    day = the_day()

    assert (day.delivered_items, day.delivery_seconds) == (1, 2 * 86_400 + 30)


def test_a_vendor_with_nothing_left_of_a_day_has_zeros():
    item = sold()
    run_due_jobs()
    owner = MembershipFactory(profile=item.vendor, role="owner").user
    transition_item(item.pk, to="cancelled", actor=owner)

    the_day()

    mine = VendorDaily.objects.get()
    assert (mine.orders, mine.gmv_cents, mine.cancelled_items) == (0, 0, 1)
    assert not ProductDaily.objects.exists()


def test_days_without_facts_become_zeros():
    item = sold()
    run_due_jobs()
    key = VendorDay(item.vendor_id, item.day, "EUR")
    OrderItem.objects.all().delete()

    aggregate_vendor_days([key])

    assert recount()["VendorDaily"] == {}
    assert VendorDaily.objects.get().orders == 0
    assert not ProductDaily.objects.exists()


def test_the_fee_is_rounded_half_to_even_like_decimal_does_it():
    grid = [
        (net, bps)
        for net in [*range(120), 333, 9_999, 10_000, 10_001, 123_456_789, 10**12 + 3_333, 10**18]
        for bps in [0, 1, 50, 333, 500, 1_250, 1_500, 2_500, 5_000, 9_999, 10_000]
    ]
    given = "unnest(%s::bigint[], %s::smallint[]) WITH ORDINALITY AS given (net, bps, number)"
    statement = f"SELECT {definitions.FEE} FROM {given} ORDER BY number"
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(column) for column in zip(*grid, strict=True)])
        fees = [fee for (fee,) in cursor.fetchall()]

    exact = [int((Decimal(net) * bps / 10_000).quantize(Decimal(1), ROUND_HALF_EVEN)) for net, bps in grid]
    assert fees == exact
    assert any(Decimal(net) * bps % 10_000 == 5_000 for net, bps in grid)
