"""Money in the console."""

from billing.admin import batches, ledger, payouts, statements

__all__ = ["batches", "ledger", "payouts", "statements"]
