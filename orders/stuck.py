"""What should have moved on by itself and has not: for the console's saved filters, and for the gauge that alerts.

Each is answered from partial indexes that hold open rows only, and counted up to a bound.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from orders.models import Checkout, Order, PaymentEvent
from trustengine.database_time import database_now

MOST = 1_000


@dataclass(frozen=True)
class Kind:
    """A way of being stuck. ``rows`` are those that are."""

    name: str
    title: str
    rows: Callable[[], QuerySet[Any]]

    def count(self) -> int:
        """How many, up to ``MOST``."""
        return self.rows().order_by()[:MOST].count()


def orders_left_behind() -> QuerySet[Order]:
    """Every item has arrived, or has been cancelled or refunded, and the order is open all the same."""
    return Order.objects.stuck()


def payment_events_without_outcome() -> QuerySet[PaymentEvent]:
    """The provider said something, such as that an order is paid, and nothing has followed."""
    open_states = [PaymentEvent.State.RECEIVED, PaymentEvent.State.WAITING, PaymentEvent.State.FAILED]
    return PaymentEvent.objects.filter(state__in=open_states, received_at__lte=_since())


def refunds_due() -> QuerySet[Checkout]:
    """Paid, but without an order, and the money has not gone back."""
    return Checkout.objects.filter(state=Checkout.State.REFUND_DUE, created_at__lte=_since())


def reservations_overdue() -> QuerySet[Checkout]:
    """Stock is held for a payment that did not come in time."""
    return Checkout.objects.filter(state=Checkout.State.OPEN, expires_at__lte=_since())


KINDS = {
    kind.name: kind
    for kind in (
        Kind("status", "Orders left behind by their items", orders_left_behind),
        Kind("payment", "Payment events without an outcome", payment_events_without_outcome),
        Kind("refund", "Paid without an order", refunds_due),
        Kind("reservation", "Reservations past their time", reservations_overdue),
    )
}


def _since() -> datetime:
    return database_now() - timedelta(minutes=settings.STUCK_AFTER_MINUTES)
