"""Bringing the books in line with what has happened to orders.

There is one function for every event: it looks at an order's facts under the order's lock,
and books what is missing. So events may come late, twice or out of order. Locks: orders by
id → ledger accounts by id.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.books import read_books
from billing.models import Holding
from billing.planning import Plan, plan
from billing.services.ledger import book_all
from orders.models import Order
from trustengine.bulk import Among
from trustengine.database_time import database_now
from trustengine.row_security import Reason, every_row

RELEASED_TOGETHER = 100  # orders in one transaction


@transaction.atomic
def book_orders(
    order_ids: Collection[UUID], *, history: bool = False, correcting: bool = False, skip_locked: bool = False
) -> list[Plan]:
    """Book what is missing of these orders; returns what was, of those of which anything was.

    An imported order is left out until it has been booked with ``history``. ``correcting``
    also books what no event explains. ``skip_locked`` leaves out orders that somebody is
    working on.
    """
    orders = Order.objects.filter(Among("pk", order_ids)).order_by("pk")
    locked = orders.select_for_update(of=("self",), no_key=True, skip_locked=skip_locked)
    found = list(locked.values_list("pk", flat=True))
    with every_row(Reason.LEDGER):
        plans = missing_bookings(found, now=database_now(), history=history, correcting=correcting)
        book_all([booking for each in plans for booking in each.bookings])
        if moved := [each for each in plans if each.moved_holdings]:
            _hold(moved)
    return [each for each in plans if each.bookings or each.moved_holdings]


def missing_bookings(
    order_ids: Collection[UUID], *, now: datetime, history: bool = False, correcting: bool = False
) -> list[Plan]:
    """What ``book_orders`` would book at this moment, and what is wrong in a way that it cannot put right.

    Inside ``every_row``.
    """
    books = [book for book in read_books(order_ids) if history or book.in_books]
    plans = [plan(book, now=now, correcting=correcting) for book in books]
    return [each for each in plans if not each.is_empty]


def _hold(plans: Sequence[Plan]) -> None:
    """Make the holdings of these orders what they should be."""
    gone = [item for each in plans for item in each.book.holdings if item not in each.holdings]
    if gone:
        Holding.objects.filter(Among("pk", gone)).delete()
    Holding.objects.bulk_create(
        [
            Holding(item_id=item, order_id=each.book.order_id, profile_id=vendor, release_at=moment)
            for each in plans
            for item, (vendor, moment) in each.holdings.items()
            if each.book.holdings.get(item) != moment
        ],
        update_conflicts=True,
        unique_fields=["item"],
        update_fields=["release_at", "profile"],
    )


def release_due(*, batches: int) -> int:
    """Release the money whose hold has passed, some orders at a time; returns of how many orders.

    Several processes may do this at once: what one is working on, the others leave out.
    """
    released = 0
    for _ in range(batches):
        due = _due_orders()
        plans = book_orders(due, skip_locked=True) if due else []
        if not plans:
            break
        released += len(plans)
    return released


def _due_orders() -> set[UUID]:
    with every_row(Reason.LEDGER):
        due = Holding.objects.filter(release_at__lte=database_now()).order_by("release_at", "item")
        return set(due.values_list("order", flat=True)[:RELEASED_TOGETHER])
