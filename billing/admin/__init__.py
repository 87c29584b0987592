"""Billing in the console."""

from billing.admin import capacity

__all__ = ["capacity"]
