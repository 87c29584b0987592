"""Plans, metering, provider capacity, ledger and payouts. So far only its place in the layering stands."""
