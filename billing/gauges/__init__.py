"""What a scrape tells about billing, by noun."""

from billing.gauges import capacity, ledger

__all__ = ["capacity", "ledger"]
