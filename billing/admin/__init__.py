"""Money in the console."""

from billing.admin import ledger, payouts, statements

__all__ = ["ledger", "payouts", "statements"]
