"""Money, and what it is paid for, in the console."""

from billing.admin import batches, capacity, ledger, payouts, statements

__all__ = ["batches", "capacity", "ledger", "payouts", "statements"]
