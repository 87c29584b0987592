"""Billing's derived values against their facts."""

from billing.reconcilers import ledger, usage

__all__ = ["ledger", "usage"]
