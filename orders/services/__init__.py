"""What may happen to the catalogue, carts, payments and orders.

Locks: customer profile → order → its items by id → checkout → product by id.
"""

from orders.services.cancelling import cancel_order
from orders.services.cart import put_in_cart, take_from_cart
from orders.services.catalogue import create_product, update_product
from orders.services.checkout import Started, close_if_overdue, start_checkout
from orders.services.fulfilment import (
    Transition,
    derive_order_status,
    lock_item,
    lock_order,
    move_item,
    transition_item,
)
from orders.services.payments import retry_event, take_event, wake_waiting_events
from orders.services.refunding import refund_checkout, refund_items

__all__ = [
    "Started",
    "Transition",
    "cancel_order",
    "close_if_overdue",
    "create_product",
    "derive_order_status",
    "lock_item",
    "lock_order",
    "move_item",
    "put_in_cart",
    "refund_checkout",
    "refund_items",
    "retry_event",
    "start_checkout",
    "take_event",
    "take_from_cart",
    "transition_item",
    "update_product",
    "wake_waiting_events",
]
