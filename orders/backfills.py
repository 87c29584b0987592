from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from orders.derivations import derive_statuses, lock_orders
from orders.models import Order
from orders.reconcilers import OrderStatus
from orders.services.days import mark_days_of
from trustengine.bulk import Among, update_rows
from trustengine.jobs.services import publish
from trustengine.operations.backfilling import Change, Days, Rederivation, backfill, exact_json
from trustengine.operations.registry import Drift


@backfill("order-status")
class OrderStatuses(Rederivation):
    """Order.status and delivered_at, anew from the items, by the day on which orders were placed."""

    about = "orders.order"
    reconciler = OrderStatus
    revertible = True

    def rows(self, days: Days) -> QuerySet[Order]:
        return Order.objects.filter(**days.within("day"))

    def lock(self, keys: Sequence[UUID]) -> None:
        lock_orders(keys)

    def write(self, drifts: Sequence[Drift]) -> None:
        derive_statuses([drift.key for drift in drifts])
        mark_days_of(drift.key for drift in drifts)
        for drift in drifts:
            publish("orders.order_status_changed", order_id=drift.key, status=drift.expected["status"])

    def revert(self, changes: Sequence[Change]) -> set[str]:
        lock_orders([UUID(change.key) for change in changes])
        orders = Order.objects.filter(Among("pk", [change.key for change in changes]))
        found = {
            str(order): exact_json({"status": status, "delivered_at": delivered_at})
            for order, status, delivered_at in orders.values_list("pk", "status", "delivered_at")
        }
        standing = [change for change in changes if found.get(change.key) == change.after]
        update_rows(Order, ["id"], [{"id": UUID(change.key), **_as_columns(change.before)} for change in standing])
        mark_days_of(UUID(change.key) for change in standing)
        for change in standing:
            publish("orders.order_status_changed", order_id=change.key, status=change.before["status"])
        return {change.key for change in standing}


def _as_columns(values: dict[str, Any]) -> dict[str, Any]:
    moment = values["delivered_at"]
    return {"status": values["status"], "delivered_at": moment and datetime.fromisoformat(moment)}
