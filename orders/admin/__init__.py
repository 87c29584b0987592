"""Orders, products and payments in the console."""

from orders.admin import notices, orders, payments, products, refunds, stuck, terms

__all__ = ["notices", "orders", "payments", "products", "refunds", "stuck", "terms"]
