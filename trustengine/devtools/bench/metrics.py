"""What an order costs in metrics on a day of many: the rows of its jobs, claims, hours, products, ticks and sums.

A day of orders over many vendors is made; then orders arrive at several rates, from one every
two seconds to all at once, while a worker drains what they mark. Work is the processor time of
the arriving order's marks, and of the worker's thread, each with its database session.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from statistics import quantiles

import django_rq
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Sum

from metrics import definitions
from metrics.comparing import COMPARISONS
from metrics.jobs import follow_orders
from metrics.models import PlatformDaily, VendorDaily
from metrics.rebuilding import rebuild_days
from orders.clock import placement
from orders.models import Order, OrderItem
from orders.services.days import mark_days
from trustengine.devtools.bench.days import Shops, make_days, make_shops, noon_of
from trustengine.devtools.bench.rounds import Figures, Size
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of
from trustengine.jobs.runner import drain

DAY = date(2026, 3, 10)


def measure(size: Size) -> Figures:
    """Milliseconds of work for each order and its freshness, by orders a second; and the whole day done anew."""
    shops = make_shops(size.vendors, products_each=4)
    make_days(shops, [DAY], size.orders_of_day)
    rebuild_days([DAY])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as autovacuum has, on a day that has come by and by
    spent: list[float] = []
    with _work(spent):
        _sum_up_whole_day()
    whole = sum(spent)
    figures: dict[str, float] = {"whole_day_ms": round(whole * 1_000, 1)}
    for rate, count in size.arrivals:
        name = f"{rate:g}_per_second".replace(".", "_") if rate else "storm"
        work, waits = _arrive(shops, rate, count)
        p50, p99 = _percentiles(waits)
        figures |= {
            f"{name}_ms_per_order": round(work * 1_000 / count, 2),
            f"{name}_fresh_p50_seconds": round(p50, 2),
            f"{name}_fresh_p99_seconds": round(p99, 2),
            f"{name}_whole_day_to_order": round(whole * count / work, 1),
        }
    _check()
    return figures


def _sum_up_whole_day() -> None:
    """What each order would cost if its whole day were summed up for it: vendors, then the platform; only read."""
    for comparison in (COMPARISONS[0], COMPARISONS[-1]):
        with connection.cursor() as cursor:
            cursor.execute(comparison.expected, {"whole_days": [DAY], **definitions.parameters()})
            cursor.fetchall()


def _arrive(shops: Shops, rate: float, count: int) -> tuple[float, list[float]]:
    """Let so many orders come, at so many a second, or at once where that is 0; seconds of work, and of waiting."""
    Job.objects.all().delete()
    arrived, over = threading.Event(), threading.Event()
    spent: list[float] = []
    messages = django_rq.get_queue(handler_of(follow_orders).queue)

    def work() -> None:
        with _work(spent):
            while arrived.wait() and not over.is_set():
                arrived.clear()
                if messages.count:  # as a worker of the queue takes the bell's
                    messages.empty()
                    drain(handler_of(follow_orders).kind)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        began = time.monotonic()
        for number in range(count):
            if rate:
                time.sleep(max(0.0, began + number / rate - time.monotonic()))
            _place(shops, number, spent)
            arrived.set()
        deadline = time.monotonic() + 60
        while Job.objects.open().exists() and time.monotonic() < deadline:
            arrived.set()
            time.sleep(0.1)
    finally:
        over.set()
        arrived.set()
        worker.join()
    waits = Job.objects.filter(state=Job.State.DONE).values_list("created_at", "finished_at")
    return sum(spent), [(finished - created).total_seconds() for created, finished in waits if finished]


def _place(shops: Shops, number: int, spent: list[float]) -> None:
    """One order of one or two items in the busiest hour, as a paid checkout makes it; only its marks are measured."""
    placed = noon_of(DAY) + timedelta(seconds=number % 600)
    with transaction.atomic():
        order = Order.objects.create(
            customer=shops.customer, currency=settings.MARKETPLACE_CURRENCY, **placement(placed)
        )
        bought = shops.products[number * 7 % len(shops.products) :][: 2 if number % 3 == 0 else 1]
        for product in bought:
            OrderItem.objects.create(
                order=order,
                product=product,
                vendor=product.vendor,
                day=order.day,
                tick=order.tick,
                quantity=1,
                unit_price_cents=1_999,
            )
        with _work(spent):
            mark_days(order, [product.vendor_id for product in bought])


@contextmanager
def _work(spent: list[float]) -> Iterator[None]:
    """Add the processor time that this thread and its database session spend in the block."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        session = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    thread, database = time.thread_time(), _nanoseconds(session)
    yield
    spent.append(time.thread_time() - thread + (_nanoseconds(session) - database) / 1e9)


def _nanoseconds(statistics: Path) -> int:
    return int(statistics.read_text().split()[0]) if statistics.exists() else 0


def _percentiles(waits: Sequence[float]) -> tuple[float, float]:
    cuts = quantiles(waits, n=100, method="inclusive")
    return cuts[49], cuts[98]


def _check() -> None:
    """The figures count for exact work only."""
    facts = OrderItem.objects.filter(day=DAY).aggregate(
        orders=Count("order", distinct=True), gmv=Sum(F("quantity") * F("unit_price_cents"))
    )
    day = PlatformDaily.objects.get(day=DAY)
    assert (day.orders, day.gmv_cents) == (facts["orders"], facts["gmv"])
    assert VendorDaily.objects.aggregate(gmv=Sum("gmv_cents"))["gmv"] == facts["gmv"]
    assert not Job.objects.open().exists()
