"""What may happen to the items of an order, and what follows for the order. Locks: the order, then the item."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from orders.derivations import derived_status
from orders.measures import Derivation, failures_counted
from orders.models import Order, OrderItem
from orders.services.days import mark_days
from orders.services.refunding import take_back
from trustengine.accounts.access import has_profile_access, require_good_standing
from trustengine.accounts.models import Membership, User
from trustengine.accounts.names import is_unseen
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, InvalidTransition, NotFound, PermissionDenied, TryAgain
from trustengine.jobs.services import publish
from trustengine.text import normalised

Fulfilment = OrderItem.Fulfilment
MOMENTS = {
    Fulfilment.SHIPPED: "shipped_at",
    Fulfilment.DELIVERED: "delivered_at",
    Fulfilment.CANCELLED: "cancelled_at",
    Fulfilment.RETURNED: "returned_at",
}
ON_ITS_WAY = (Fulfilment.PROCESSING, Fulfilment.SHIPPED, Fulfilment.DELIVERED)
LONGEST_TRACKING_NUMBER = 100


@dataclass(frozen=True)
class Transition:
    """What became of a request to move an item: ``changed`` is False where it was there already."""

    item: OrderItem
    changed: bool


@transaction.atomic
def transition_item(item_id: UUID, *, to: str, actor: User, tracking_number: str = "") -> Transition:
    """Move an item one step in its fulfilment, and its order's status with it.

    Repeating the present state moves nothing, and is how a tracking number is added or
    corrected later; an empty one leaves what is there. The log says that there is a number,
    not which: it is text that a person wrote.

    Raises AccountSuspended, NotFound for an item of a vendor the actor has no part in,
    PermissionDenied for a mere viewer, InvalidTransition for a step that is not open, and
    InvalidInput for a tracking number that is none, or of what is not on its way.
    """
    vendor_id = OrderItem.objects.filter(pk=item_id).values_list("vendor", flat=True).first()
    require_good_standing(actor)
    if vendor_id is None or not has_profile_access(actor, vendor_id):  # before any lock: strangers hold nobody up
        raise NotFound
    if not has_profile_access(actor, vendor_id, Membership.Role.MANAGER):
        raise PermissionDenied
    tracking_number = _tracking_number(tracking_number, to)
    item = lock_item(item_id)
    if item.fulfilment_status == to:
        _correct_tracking(item, tracking_number, actor)
        return Transition(item, changed=False)
    if to not in OrderItem.TRANSITIONS[Fulfilment(item.fulfilment_status)]:
        raise InvalidTransition(f"An item that is {item.fulfilment_status} cannot become {to}.")
    move_item(item, to=to, actor=actor, tracking_number=tracking_number)
    derive_order_status(item.order, because=item, actor=actor)
    if to == Fulfilment.CANCELLED:
        take_back(item, actor=actor)
    return Transition(item, changed=True)


def move_item(item: OrderItem, *, to: str, actor: User | None, tracking_number: str = "") -> None:
    """Put a locked item into a state that is open to it, with its date, its trace and its event.

    The caller has locked the order, and derives its status when all of its items have moved.
    """
    before = {"fulfilment_status": item.fulfilment_status}
    item.fulfilment_status = to
    after: dict[str, Any] = {"order": item.order_id, "fulfilment_status": to}
    changed = ["fulfilment_status", "updated_at"]
    if moment := MOMENTS.get(Fulfilment(to)):
        after[moment] = database_now()
        setattr(item, moment, after[moment])
        changed.append(moment)
    if tracking_number:
        item.tracking_number, after["has_tracking_number"] = tracking_number, True
        changed.append("tracking_number")
    item.save(update_fields=changed)
    record("order_item.moved", item, actor=actor, before=before, after=after)
    mark_days(item.order, [item.vendor_id])
    publish("orders.item_moved", item_id=item.pk, order_id=item.order_id, to=to)


def lock_item(item_id: UUID) -> OrderItem:
    """An item with its order, both locked for this transaction. Raises NotFound."""
    order_id = OrderItem.objects.filter(pk=item_id).values_list("order", flat=True).first()
    if order_id is None:
        raise NotFound
    order = lock_order(order_id)
    with failures_counted():
        items = OrderItem.objects.select_for_update(of=("self",), no_key=True)
        item = items.filter(pk=item_id, order=order_id).first()
    if item is None:  # an import has just given it to another order
        raise TryAgain
    item.order = order
    return item


def lock_order(order_id: UUID) -> Order:
    """An order, locked for this transaction, as everything that changes its items needs it. Raises NotFound."""
    with failures_counted():
        order = Order.objects.select_for_update(of=("self",), no_key=True).filter(pk=order_id).first()
    if order is None:
        raise NotFound
    return order


def derive_order_status(order: Order, *, because: OrderItem | None = None, actor: User | None = None) -> bool:
    """Bring a locked order's status in line with its items; True if it changed.

    ``because`` is the item whose change made this necessary: the log names it.
    """
    with Derivation() as derivation:
        status, delivered_at = derived_status(order.pk)
        if (order.status, order.delivered_at) == (status, delivered_at):
            return False
        before = {"status": order.status, "delivered_at": order.delivered_at}
        order.status, order.delivered_at = status, delivered_at
        order.save(update_fields=["status", "delivered_at", "updated_at"])
        after = {"status": status, "delivered_at": delivered_at, "item": because and because.pk}
        record("order.status_derived", order, actor=actor, before=before, after=after)
        publish("orders.order_status_changed", order_id=order.pk, status=status)
        mark_days(order)
        derivation.changed = True
        return True


def _correct_tracking(item: OrderItem, tracking_number: str, actor: User) -> None:
    if not tracking_number or tracking_number == item.tracking_number:
        return
    had = bool(item.tracking_number)
    item.tracking_number = tracking_number
    item.save(update_fields=["tracking_number", "updated_at"])
    record(
        "order_item.tracking_corrected",
        item,
        actor=actor,
        before={"has_tracking_number": had},
        after={"order": item.order_id, "has_tracking_number": True},
    )


def _tracking_number(given: str, to: str) -> str:
    """One line without surplus space. Raises InvalidInput."""
    number = " ".join(normalised(given).split())
    problem = ""
    if any(is_unseen(character) for character in given) or len(number) > LONGEST_TRACKING_NUMBER:
        problem = f"A tracking number is one line of at most {LONGEST_TRACKING_NUMBER} visible characters."
    elif number and to not in ON_ITS_WAY:
        problem = f"What becomes {to} is not tracked."
    if problem:
        raise InvalidInput(fields={"tracking_number": problem})
    return number
