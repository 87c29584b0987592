"""What a scrape tells about billing, by noun."""

from billing.gauges import capacity, ledger, payouts, usage

__all__ = ["capacity", "ledger", "payouts", "usage"]
