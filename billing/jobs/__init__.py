"""Background work of the billing app."""

from billing.jobs import capacity

__all__ = ["capacity"]
