"""What the ledger, payouts, usage and plans are held to."""

from trustengine import environment as env

# The ledger

PAYOUT_HOLD_DAYS = env.integer("PAYOUT_HOLD_DAYS", 7, maximum=365)
