"""Orders with a wrong history for tests, and the ``backfill`` command: in this process, or in one of its own."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.core.management import CommandError, call_command
from django.db import connection

from orders.models import Order, OrderItem
from orders.tests.factories import OrderFactory, OrderItemFactory, ProductFactory
from trustengine.accounts.tests.factories import UserFactory
from trustengine.operations.tests.running import begin_command, wait_for

DELIVERED = datetime(2026, 3, 4, 5, 6, 7, 891_234, tzinfo=UTC)  # to the microsecond
WRONG = datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def delivered_orders(count: int, **fields: Any) -> list[Order]:
    """Orders of one buyer, one product and one delivered item each, whose status is right."""
    buyer, product = UserFactory(), ProductFactory()
    settled = {"status": "delivered", "delivered_at": DELIVERED} | fields
    orders = [OrderFactory.build(buyer=None, customer=buyer.customer_profile, **settled) for _ in range(count)]
    for number, order in enumerate(orders):
        order.day += timedelta(days=number)
    items = [
        OrderItemFactory.build(
            order=order, product=product, vendor=product.vendor, fulfilment_status="delivered", delivered_at=DELIVERED
        )
        for order in orders
    ]
    Order.objects.bulk_create(orders)
    OrderItem.objects.bulk_create(items)
    return orders


def wrong_orders(count: int) -> list[Order]:
    """The same, with a status that their items contradict."""
    return delivered_orders(count, status="shipped", delivered_at=WRONG)


def statuses() -> set[tuple[str, datetime | None]]:
    return set(Order.objects.values_list("status", "delivered_at"))


def backfill(*arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what the command tells; an error's text as ``problem``."""
    output, errors = StringIO(), StringIO()
    try:
        call_command("backfill", *arguments, "--json", stdout=output, stderr=errors)
    except SystemExit as leaving:
        return int(leaving.code or 0), json.loads(output.getvalue())
    except CommandError as error:
        return error.returncode, {"problem": str(error)}
    return 0, json.loads(output.getvalue())


@contextmanager
def backfill_process(*arguments: str):
    """The command in a process of its own, on this test's database."""
    database = urlsplit(os.environ["DATABASE_URL"])
    url = urlunsplit(database._replace(path=f"/{connection.settings_dict['NAME']}"))
    process = begin_command("backfill", *arguments, DATABASE_URL=url, REDIS_URL=os.environ["REDIS_URL"])
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def stopped_midway(process: subprocess.Popen[str], number: int, *, once: Callable[[], object]) -> tuple[int, str, str]:
    """Send a signal as soon as the condition holds; the exit code and both outputs."""
    wait_for(once, "the backfill to be under way")
    assert process.poll() is None, "it was done before it could be stopped"
    process.send_signal(signal.Signals(number))
    output, errors = process.communicate(timeout=30)
    return process.returncode, output, errors
