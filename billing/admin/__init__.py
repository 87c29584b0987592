"""Money, and what it is paid for, in the console."""

from billing.admin import batches, capacity, ledger, payouts, plans, statements, subscriptions, usage

__all__ = ["batches", "capacity", "ledger", "payouts", "plans", "statements", "subscriptions", "usage"]
