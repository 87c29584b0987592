"""Orders, products and payments in the console."""

from orders.admin import orders, products

__all__ = ["orders", "products"]
