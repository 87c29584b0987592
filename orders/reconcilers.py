from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from orders.derivations import wrong_statuses
from orders.models import Order, OrderItem
from orders.services import derive_order_status
from trustengine.operations.registry import Drift, Reconciler, Values, reconciler


@reconciler("order-status")
class OrderStatus(Reconciler):
    """Order.status and delivered_at against the order's items."""

    about = "orders.order"

    def rows(self) -> QuerySet[Order]:
        return Order.objects.all()

    def changed(self, since: datetime) -> QuerySet[Order]:
        moved = OrderItem.objects.filter(order=OuterRef("pk"), updated_at__gte=since)
        return Order.objects.filter(Q(updated_at__gte=since) | Exists(moved))

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        for order in wrong_statuses(ids):
            yield Drift(order.order_id, expected=_told(order.expected), found=_told(order.found))

    def lock(self, key: UUID) -> None:
        Order.objects.select_for_update(of=("self",), no_key=True).get(pk=key)

    def repair(self, drift: Drift) -> None:
        derive_order_status(Order.objects.get(pk=drift.key))

    def leave_trace(self, drift: Drift) -> None:
        """The service has left it."""


def _told(status: tuple[str, datetime | None]) -> Values:
    return {"status": status[0], "delivered_at": status[1]}
