"""What a scrape tells about billing, by noun."""

from billing.gauges import capacity, ledger, usage

__all__ = ["capacity", "ledger", "usage"]
