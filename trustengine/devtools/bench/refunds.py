"""A storm of refunds: every order of a file at once, by the command and two worker processes, until all is quiet.

Each order has an item that was paid for through the local provider, and a counted review.
"""

import csv
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.db.models import Q

from orders.clock import placement
from orders.models import Checkout, Order, OrderItem, Product
from reviews.derivations import recount_stars
from reviews.models import ProductRating, Review
from trustengine.accounts.models import Profile, User
from trustengine.bulk import Among, insert_rows
from trustengine.database_time import database_now
from trustengine.devtools.bench.rounds import Figures, Size, stopwatch
from trustengine.identifiers import uuid7
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handlers

QUEUES = ("default", "default")  # two processes
PRODUCTS = 200
PRICE = 1_999
PATIENCE = 600.0
LOOK_SECONDS = 0.2


def measure(size: Size) -> Figures:
    """Orders a second from the start of the command to the last job it has led to, and the seconds that makes."""
    orders = _make_orders(size.refunded)
    with tempfile.TemporaryDirectory(prefix="trustengine-bench-") as name, _workers():
        file = Path(name) / "refunds.csv"
        with file.open("w", newline="") as stream:
            csv.writer(stream).writerows([["order_id"], *([order] for order in orders)])
        with stopwatch() as watch:
            call_command("refund_orders", "--file", str(file), "--json", stdout=io.StringIO())
            _wait_until_quiet()
    _check(orders)
    return {"orders_per_second": watch.per_second(len(orders)), "seconds": round(watch.seconds, 1)}


@contextmanager
def _workers() -> Iterator[None]:
    command = [sys.executable, "manage.py", "worker"]
    processes = [
        subprocess.Popen([*command, queue], cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL) for queue in QUEUES
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _wait_until_quiet() -> None:
    """Until the workers have nothing left: mails and reputations, on another queue and put off, are not the storm."""
    deadline = time.monotonic() + PATIENCE
    theirs = [handler.kind for handler in handlers() if handler.queue in QUEUES]
    open_jobs = Job.objects.filter(state__in=[Job.State.READY, Job.State.RUNNING], kind__in=theirs)
    while open_jobs.filter(Q(run_at__lte=database_now()) | Q(attempts__gt=0)).exists():
        assert time.monotonic() < deadline, "the storm does not end"
        time.sleep(LOOK_SECONDS)


def _check(orders: Sequence[UUID]) -> None:
    """Nothing may be left over: the figure counts for exact work only."""
    count = len(orders)
    reviews = Review.objects.filter(Among("order_item__order", orders))
    assert not Job.objects.filter(state=Job.State.DEAD).exists()
    assert Order.objects.filter(status=Order.Status.REFUNDED).count() == count
    assert OrderItem.objects.filter(refunded_at__isnull=False, refunded_cents=PRICE).count() == count
    assert not reviews.filter(purchase_refunded_at=None).exists()
    assert not ProductRating.objects.filter(count__gt=0, product__in=reviews.values("product")).exists()


@transaction.atomic
def _make_orders(count: int) -> Sequence[UUID]:
    """Delivered, paid, and reviewed."""
    now = database_now()
    vendor = Profile.objects.create(kind=Profile.Kind.VENDOR)
    users = User.objects.bulk_create(User() for _ in range(count))
    customers = Profile.objects.bulk_create(Profile(kind=Profile.Kind.CUSTOMER, user=user) for user in users)
    currency = settings.MARKETPLACE_CURRENCY
    products = Product.objects.bulk_create(
        Product(vendor=vendor, title=f"Thing {number}", price_cents=PRICE, currency=currency)
        for number in range(min(PRODUCTS, count))
    )
    placed = placement(now - timedelta(days=10))
    order_ids, item_ids = [uuid7() for _ in range(count)], [uuid7() for _ in range(count)]
    delivered = {"status": Order.Status.DELIVERED, "delivered_at": now - timedelta(days=5)}
    insert_rows(
        Order,
        [
            {"id": order, "customer_id": customer.pk, "currency": currency} | placed | delivered
            for order, customer in zip(order_ids, customers, strict=True)
        ],
    )
    sold = {"vendor_id": vendor.pk, "day": placed["day"], "tick": placed["tick"]}
    sold |= {"quantity": 1, "unit_price_cents": PRICE}
    insert_rows(
        OrderItem,
        [
            {"id": item, "order_id": order, "product_id": products[number % len(products)].pk, **sold}
            | {"fulfilment_status": "delivered", "delivered_at": now - timedelta(days=5)}
            for number, (item, order) in enumerate(zip(item_ids, order_ids, strict=True))
        ],
    )
    paid = {"provider": "local", "amount_cents": PRICE, "currency": currency, "state": "paid", "expires_at": now}
    insert_rows(
        Checkout,
        [
            {"customer_id": customer.pk, "payment_intent_id": f"pi_local_{order}", "order_id": order, **paid}
            for order, customer in zip(order_ids, customers, strict=True)
        ],
    )
    insert_rows(
        Review,
        [
            {"product_id": products[number % len(products)].pk, "author_id": user.pk, "order_item_id": item}
            | {"rating": 1 + number % 5, "status": "approved", "verification": "delivered"}
            for number, (item, user) in enumerate(zip(item_ids, users, strict=True))
        ],
    )
    recount_stars([product.pk for product in products])
    return order_ids
