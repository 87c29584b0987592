"""What may happen to the catalogue, carts, payments and orders.

Locks: order → its items by id → checkout → product and reservation by id.
"""

from orders.services.fulfilment import (
    Transition,
    derive_order_status,
    lock_item,
    lock_order,
    move_item,
    transition_item,
)

__all__ = ["Transition", "derive_order_status", "lock_item", "lock_order", "move_item", "transition_item"]
