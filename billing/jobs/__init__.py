"""Background work of the billing app."""

from billing.jobs import ledger

__all__ = ["ledger"]
