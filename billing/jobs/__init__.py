"""Background work of the billing app."""

from billing.jobs import capacity, ledger, payouts, usage

__all__ = ["capacity", "ledger", "payouts", "usage"]
