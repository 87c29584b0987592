"""The console's pages of figures."""

from metrics.admin import dashboard, trust

__all__ = ["dashboard", "trust"]
