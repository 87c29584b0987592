"""What metering, capacity, ledger and payouts are held to."""

from trustengine import environment as env

# Payouts

PAYOUT_MINIMUM_CENTS = env.integer("PAYOUT_MINIMUM_CENTS", 1_000, minimum=1)
