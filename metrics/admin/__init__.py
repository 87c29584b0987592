"""The console's pages of figures."""

from metrics.admin import dashboard

__all__ = ["dashboard"]
