"""Many at once, and workers that die: whatever happens, the days equal a recount in the end."""

import os
import signal
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from metrics.jobs import follow_orders
from metrics.models import PlatformDaily, PlatformSlice, PlatformTick, VendorDaily, VendorSlice
from metrics.services import PlatformKey, aggregate_platform, aggregate_ticks, aggregate_vendor_days, follow_ticks
from metrics.tests.recount import assert_exact
from metrics.tests.test_definitions import sold
from orders.models import Checkout, Order
from orders.services.days import VendorTick
from orders.tests.factories import OrderFactory, ProductFactory
from orders.tests.payment_factories import open_checkout, paid_order, tell
from trustengine.accounts.tests.factories import VendorFactory
from trustengine.jobs.models import Job
from trustengine.jobs.runner import drain
from trustengine.operations.tests.running import wait_for
from trustengine.testing import at_once, run_due_jobs

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOON_TICK = 12 * 240
KIND = "metrics.follow_orders"
race = pytest.mark.django_db(transaction=True)


def follow():
    """What a worker does until nothing is due."""
    while drain(KIND, linger=0):
        pass


@race
def test_parallel_orders_of_one_day_are_all_counted_while_workers_sum_it_up():
    vendor = VendorFactory()
    products = [ProductFactory(vendor=vendor) for _ in range(2)]

    def order(number):
        for _ in range(4):
            with transaction.atomic():
                sold(OrderFactory(placed_at=NOON), product=products[number % 2])
            drain(KIND, linger=0)

    outcomes = at_once(*[partial(order, number) for number in range(4)])
    follow()

    assert outcomes == [None] * 4
    assert VendorDaily.objects.get().orders == 16
    assert_exact()


@race
def test_the_last_order_of_a_day_is_counted_though_it_commits_while_the_day_is_being_made():
    """FINDINGS 15: who waits for the day's lock reads only afterwards, and nothing heals at a later update."""
    vendor = sold().vendor
    held, waiting = threading.Event(), threading.Event()
    follow()

    def first():
        with transaction.atomic():
            follow_ticks([VendorTick(vendor.pk, NOON.date(), "EUR", NOON_TICK)])  # has read, holds the locks
            held.set()
            assert waiting.wait(20)
        connections.close_all()

    def last_order():
        assert held.wait(20)
        with transaction.atomic():
            sold(OrderFactory(placed_at=NOON), vendor=vendor)
        threading.Timer(0.2, waiting.set).start()  # by then the run below waits for the day
        drain(KIND, linger=0)

    at_once(first, last_order)

    assert not Job.objects.filter(kind=KIND, state="ready").exists()
    assert VendorDaily.objects.get().orders == 2
    assert_exact()


@race
def test_refunds_while_workers_sum_up_are_counted():
    product = ProductFactory(price_cents=1_000, stock=50)
    orders = [paid_order(bought={product: 2}) for _ in range(4)]
    checkouts = [Checkout.objects.get(order=order) for order in orders]
    refund = [
        partial(tell, "charge.refunded", checkout, amount=2_000, amount_refunded=700, currency="eur")
        for checkout in checkouts
    ]

    at_once(*refund, follow, follow)
    run_due_jobs()

    assert PlatformDaily.objects.get().refunds_cents == 4 * 700
    assert_exact()


@pytest.mark.django_db
def test_a_refund_belongs_to_the_day_of_its_order_not_to_today():
    """FINDINGS 16."""
    order = paid_order()
    Order.objects.filter(pk=order.pk).update(day="2026-03-10", tick=NOON_TICK, placed_at=NOON)
    order.items.update(day="2026-03-10", tick=NOON_TICK)
    checkout = Checkout.objects.get(order=order)
    PlatformDaily.objects.all().delete()
    VendorDaily.objects.all().delete()

    tell("charge.refunded", checkout, amount=1_000, amount_refunded=400, currency="eur")

    assert list(PlatformDaily.objects.values_list("day", "refunds_cents")) == [(NOON.date(), 400)]
    assert list(VendorDaily.objects.values_list("day", "refunds_cents")) == [(NOON.date(), 400)]


@pytest.mark.django_db
def test_an_order_makes_its_own_vendor_s_hour_and_tick_anew_and_nothing_else():
    """FINDINGS 17: the day's other vendors, hours and ticks are not touched."""
    vendor = VendorFactory()
    for minutes in (-240, -1, 0, 1, 60):
        sold(OrderFactory(placed_at=NOON + timedelta(minutes=minutes)), vendor=vendor)
        sold(OrderFactory(placed_at=NOON + timedelta(minutes=minutes)))
    run_due_jobs()
    for table in (VendorDaily, VendorSlice, PlatformTick, PlatformSlice):
        table.objects.update(aggregated_at=None)
    sold(OrderFactory(placed_at=NOON), vendor=vendor)
    run_due_jobs()

    assert list(made(VendorDaily).values_list("vendor", flat=True)) == [vendor.pk]
    assert list(made(VendorSlice).values_list("vendor", "hour")) == [(vendor.pk, 12)]
    assert list(made(PlatformTick).values_list("tick", flat=True)) == [NOON_TICK]
    assert list(made(PlatformSlice).values_list("hour", flat=True)) == [12]
    assert_exact()


def made(table):
    return table.objects.exclude(aggregated_at=None)


@pytest.mark.django_db
def test_what_many_orders_have_marked_is_made_in_one_run_of_few_statements():
    vendor = VendorFactory()
    for _ in range(20):
        sold(OrderFactory(placed_at=NOON), vendor=vendor)

    with CaptureQueriesContext(connection) as captured:
        assert drain(KIND, linger=0) >= 20

    assert sum("metrics_follow(" in query["sql"] for query in captured) == 1
    assert len(captured) < 20


@pytest.mark.django_db
def test_the_job_run_a_thousand_times_leaves_what_it_found():
    item = sold(price=999, quantity=3, refunded_cents=5)
    key = VendorTick(item.vendor_id, item.day, "EUR", NOON_TICK).key
    for _ in range(1_000):
        follow_orders([key])

    assert_exact()


@contextmanager
def table_away(name):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {name} RENAME TO away")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE away RENAME TO {name}")


@race
def test_a_failing_job_fails_no_order_is_tried_again_and_ends_as_a_dead_letter():
    item = sold()
    with table_away("metrics_vendorslice"):
        for _ in range(20):
            drain(KIND, linger=0)
            Job.objects.filter(state="ready").update(run_at=LONG_AGO)
    assert Order.objects.filter(pk=item.order_id).exists()
    letters = Job.objects.filter(kind=KIND)
    assert {(letter.state, letter.attempts == letter.max_attempts) for letter in letters} == {("dead", True)}
    assert letters[0].error_details["type"] == "ProgrammingError"

    letters.update(state="ready", attempts=0, dead_letter_at=None, run_at=LONG_AGO, error_details=None)
    follow()

    assert VendorDaily.objects.get().orders == 1
    assert_exact()


@race
def test_a_worker_that_is_killed_in_the_middle_leaves_nothing_half_done():
    """It dies when the vendor's day is written and waits for the platform's: neither is there; another makes both."""
    item = sold()
    PlatformDaily.objects.create(day=item.day, currency="EUR")
    connections.close_all()
    begin, begun = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(begin, 1)
        drain(KIND, linger=0)
        os._exit(0)
    with transaction.atomic():
        PlatformDaily.objects.select_for_update().get()
        os.write(begun, b"x")
        wait_for(waiting_sessions, "the worker waits for the platform's day")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with connection.cursor() as cursor:  # as the server does by itself once it talks to the dead
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", waiting_sessions())
    assert not VendorDaily.objects.exists()
    assert set(Job.objects.filter(kind=KIND).values_list("state", "attempts")) == {("ready", 0)}

    follow()

    assert VendorDaily.objects.get().orders == PlatformDaily.objects.get().orders == 1
    assert_exact()


def waiting_sessions():
    """Of what this one has locked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return [pid for (pid,) in cursor.fetchall()]


@race
@pytest.mark.parametrize("there", [0, 1, 6], ids=["no row", "the first row", "every row"])
def test_keys_in_any_order_do_not_deadlock(there):
    """Nor do those who find a row that others find missing."""
    items = sorted((sold() for _ in range(6)), key=lambda item: item.vendor_id)
    for item in items[:there]:
        VendorDaily.objects.create(vendor=item.vendor, day=item.day, currency="EUR")
    ticks = [VendorTick(item.vendor_id, item.day, "EUR", NOON_TICK) for item in items]
    days = [each.vendor_day for each in ticks]

    outcomes = at_once(
        *[partial(follow_ticks, part) for part in (ticks, ticks[::-1], ticks[3:])],
        *[partial(aggregate_ticks, part) for part in (ticks[::-1], ticks[::2])],
        partial(aggregate_vendor_days, days[::-1]),
        partial(aggregate_vendor_days, days, whole_days=[NOON.date()]),
        partial(aggregate_platform, [PlatformKey(items[0].day, "EUR", NOON_TICK)]),
    )

    assert outcomes == [None] * 8
    assert_exact()


@pytest.mark.django_db
def test_one_run_serves_vendors_hours_and_currencies_of_which_some_have_rows_already():
    vendors = [VendorFactory() for _ in range(2)]
    VendorDaily.objects.create(vendor=vendors[0], day=NOON.date(), currency="EUR")
    for vendor in vendors:
        for currency in ("EUR", "USD"):
            for minutes in (0, 1, 90):
                placed = NOON + timedelta(minutes=minutes)
                sold(OrderFactory(placed_at=placed, currency=currency), vendor=vendor)

    assert drain(KIND, linger=0) == 12
    assert_exact()
    assert VendorSlice.objects.count() == 8
    assert PlatformTick.objects.count() == 6


@race
def test_who_waits_too_long_for_a_day_leaves_its_jobs_to_the_next_sweep():
    """A backfill may hold the day; that is no failure of the jobs."""
    item = sold()
    PlatformDaily.objects.create(day=item.day, currency="EUR")
    held, over = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            PlatformDaily.objects.select_for_update().get()
            held.set()
            assert over.wait(20)

    def wait():
        assert held.wait(20)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        try:
            return drain(KIND, linger=0)
        finally:
            over.set()

    _, served = at_once(hold, wait)

    assert served == 0
    assert set(Job.objects.filter(kind=KIND).values_list("state", "attempts")) == {("ready", 0)}
    follow()
    assert_exact()


@pytest.mark.django_db
def test_a_late_payment_of_an_open_checkout_is_counted_on_the_day_of_its_order():
    order = paid_order(open_checkout())

    assert PlatformDaily.objects.get().day == order.day
    assert_exact()
