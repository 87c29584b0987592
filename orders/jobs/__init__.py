"""Background work of the orders app."""

from orders.jobs import checkouts, payments
from orders.notices import following

__all__ = ["checkouts", "following", "payments"]
