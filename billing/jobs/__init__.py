"""Background work of the billing app."""

from billing.jobs import capacity, ledger

__all__ = ["capacity", "ledger"]
