"""Background work of the billing app."""

from billing.jobs import capacity, ledger, usage

__all__ = ["capacity", "ledger", "usage"]
