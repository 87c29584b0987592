"""What may happen to orders. Locks: the order first, then its items by id."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from orders.models import Order, OrderItem
from orders.services.days import mark_days
from orders.services.refunding import take_back
from trustengine.accounts.access import has_profile_access
from trustengine.accounts.models import Membership, User
from trustengine.audit.services import record
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied
from trustengine.jobs.services import publish

MOMENTS = {
    OrderItem.Fulfilment.SHIPPED: "shipped_at",
    OrderItem.Fulfilment.DELIVERED: "delivered_at",
    OrderItem.Fulfilment.CANCELLED: "cancelled_at",
    OrderItem.Fulfilment.RETURNED: "returned_at",
}


@dataclass(frozen=True)
class Transition:
    """What became of a request to move an item: ``changed`` is False where it was there already."""

    item: OrderItem
    changed: bool


@transaction.atomic
def transition_item(item_id: UUID, *, to: str, actor: User, tracking_number: str = "") -> Transition:
    """Move an item one step in its fulfilment, and its order's status with it.

    Repeating the present state changes nothing. Raises NotFound for an item of a vendor
    the actor has no part in, PermissionDenied for a mere viewer, InvalidTransition for a
    step that is not open.
    """
    vendor_id = OrderItem.objects.filter(pk=item_id).values_list("vendor", flat=True).first()
    if vendor_id is None or not has_profile_access(actor, vendor_id):  # before any lock: strangers hold nobody up
        raise NotFound
    if not has_profile_access(actor, vendor_id, Membership.Role.MANAGER):
        raise PermissionDenied
    item = lock_item(item_id)
    if item.fulfilment_status == to:
        return Transition(item, changed=False)
    if to not in OrderItem.TRANSITIONS[OrderItem.Fulfilment(item.fulfilment_status)]:
        raise InvalidTransition(f"An item that is {item.fulfilment_status} cannot become {to}.")
    before = {"fulfilment_status": item.fulfilment_status}
    item.fulfilment_status = to
    after: dict[str, Any] = {"fulfilment_status": to}
    changed = ["fulfilment_status", "updated_at"]
    if moment := MOMENTS.get(OrderItem.Fulfilment(to)):
        after[moment] = timezone.now()
        setattr(item, moment, after[moment])
        changed.append(moment)
    if tracking_number:
        item.tracking_number = after["tracking_number"] = tracking_number
        changed.append("tracking_number")
    item.save(update_fields=changed)
    record("order_item.moved", item, actor=actor, before=before, after=after)
    derive_order_status(item.order, because=item, actor=actor)
    mark_days(item.order, [item.vendor_id])
    if to == OrderItem.Fulfilment.CANCELLED:
        take_back(item, actor=actor)
    publish("orders.item_moved", item_id=item.pk, order_id=item.order_id, to=to)
    return Transition(item, changed=True)


def lock_item(item_id: UUID) -> OrderItem:
    """An item with its order, both locked for this transaction. Raises NotFound."""
    order_id = OrderItem.objects.filter(pk=item_id).values_list("order", flat=True).first()
    if order_id is None:
        raise NotFound
    order = Order.objects.select_for_update(of=("self",), no_key=True).get(pk=order_id)
    item = OrderItem.objects.select_for_update(of=("self",), no_key=True).get(pk=item_id)
    item.order = order
    return item


def derive_order_status(order: Order, *, because: OrderItem | None = None, actor: User | None = None) -> bool:
    """Bring a locked order's status in line with its items; True if it changed."""
    derived = Order.objects.with_derived_status().filter(pk=order.pk)
    status, delivered_at = derived.values_list("derived_status", "derived_delivered_at").get()  # type: ignore[misc]
    if (order.status, order.delivered_at) == (status, delivered_at):
        return False
    before = {"status": order.status, "delivered_at": order.delivered_at}
    order.status, order.delivered_at = status, delivered_at
    order.save(update_fields=["status", "delivered_at", "updated_at"])
    record(
        "order.status_derived",
        order,
        actor=actor,
        before=before,
        after={
            "status": status,
            "delivered_at": delivered_at,
            "item": because and because.pk,
        },
    )
    publish("orders.order_status_changed", order_id=order.pk, status=status)
    mark_days(order)
    return True
