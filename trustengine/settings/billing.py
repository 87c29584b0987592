"""What metering, capacity, ledger and payouts are held to."""

from trustengine import environment as env

# The ledger

PAYOUT_HOLD_DAYS = env.integer("PAYOUT_HOLD_DAYS", 7, maximum=365)

# Capacity of outside services

CAPACITY_LEASE_DAYS = env.integer("CAPACITY_LEASE_DAYS", 7, minimum=1, maximum=3_650)
# Payouts

PAYOUT_MINIMUM_CENTS = env.integer("PAYOUT_MINIMUM_CENTS", 1_000, minimum=1)
