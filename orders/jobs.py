"""Background work of the orders app."""

from orders.notices import following

__all__ = ["following"]
