"""What may happen to the catalogue, carts, payments and orders.

Locks: order → its items by id → checkout → product and reservation by id.
"""

from orders.services.cancelling import cancel_order
from orders.services.fulfilment import Transition, derive_order_status, lock_item, transition_item
from orders.services.payments import forget_payloads, retry_event, take_event, wake_waiting_events
from orders.services.refunding import refund_checkout, refund_items

__all__ = [
    "Transition",
    "cancel_order",
    "derive_order_status",
    "forget_payloads",
    "lock_item",
    "refund_checkout",
    "refund_items",
    "retry_event",
    "take_event",
    "transition_item",
    "wake_waiting_events",
]
