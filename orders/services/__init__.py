"""What may happen to the catalogue, carts, payments and orders.

Locks: customer profile → order → its items by id → checkout → product by id.
"""

from orders.services.cart import put_in_cart, take_from_cart
from orders.services.catalogue import create_product, update_product
from orders.services.checkout import Started, close_if_overdue, start_checkout
from orders.services.fulfilment import Transition, derive_order_status, lock_item, transition_item

__all__ = [
    "Started",
    "Transition",
    "close_if_overdue",
    "create_product",
    "derive_order_status",
    "lock_item",
    "put_in_cart",
    "start_checkout",
    "take_from_cart",
    "transition_item",
    "update_product",
]
