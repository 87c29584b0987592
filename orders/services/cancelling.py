"""A customer takes an order back before anything of it has left."""

from uuid import UUID

from django.db import transaction

from orders.models import Order, OrderItem, Refund
from orders.services.days import mark_days
from orders.services.fulfilment import derive_order_status
from orders.services.refunding import refund_items
from orders.services.stock import restock
from trustengine.accounts.access import has_profile_access, require_good_standing
from trustengine.accounts.models import Membership, User
from trustengine.audit.services import draft, record_all
from trustengine.database_time import database_now
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied
from trustengine.jobs.services import publish

Fulfilment = OrderItem.Fulfilment
STILL_HERE = {Fulfilment.PENDING, Fulfilment.PROCESSING}


@transaction.atomic
def cancel_order(order_id: UUID, *, actor: User) -> Order:
    """Cancel every item of an order: back on the shelf, and the money back by a job.

    Raises NotFound for somebody else's order, AccountSuspended, PermissionDenied for a mere
    viewer, InvalidTransition unless every item is pending or processing.
    """
    order = Order.objects.visible_to(actor).filter(pk=order_id).first()
    if order is None:  # before any lock: strangers hold nobody up
        raise NotFound
    require_good_standing(actor)
    if not has_profile_access(actor, order.customer_id, Membership.Role.MANAGER):
        raise PermissionDenied
    order = Order.objects.select_for_update(of=("self",), no_key=True).get(pk=order_id)
    items = list(OrderItem.objects.filter(order=order).select_for_update(of=("self",), no_key=True).order_by("pk"))
    if not items or not all(item.fulfilment_status in STILL_HERE for item in items):
        raise InvalidTransition("An order can be cancelled as long as all of its items are pending or processing.")
    now = database_now()
    entries = []
    for item in items:
        before = {"fulfilment_status": item.fulfilment_status}
        item.fulfilment_status, item.cancelled_at, item.updated_at = Fulfilment.CANCELLED, now, now
        after = {"fulfilment_status": item.fulfilment_status, "cancelled_at": now}
        entries.append(draft("order_item.moved", item, actor=actor, before=before, after=after))
        publish("orders.item_moved", item_id=item.pk, order_id=order.pk, to=item.fulfilment_status)
    OrderItem.objects.bulk_update(items, ["fulfilment_status", "cancelled_at", "updated_at"])
    record_all(entries)
    refund_items(order, items, reason=Refund.Reason.CUSTOMER_CANCELLED, actor=actor)
    derive_order_status(order, actor=actor)
    publish("orders.order_cancelled", order_id=order.pk)
    mark_days(order)
    restock(pieces(items))
    return order


def pieces(items: list[OrderItem]) -> dict[UUID, int]:
    """How many of each product these items are."""
    counted: dict[UUID, int] = {}
    for item in items:
        counted[item.product_id] = counted.get(item.product_id, 0) + item.quantity
    return counted
