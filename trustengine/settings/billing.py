"""What metering, quotas, capacity, the ledger and payouts are held to."""

from trustengine import environment as env

# Usage and quotas

USAGE_GRACE_HOURS = env.integer("USAGE_GRACE_HOURS", 24, maximum=24 * 14)
USAGE_FUTURE_SECONDS = env.integer("USAGE_FUTURE_SECONDS", 300, maximum=86_400)
USAGE_MAX_AGE_DAYS = env.integer("USAGE_MAX_AGE_DAYS", 400, minimum=1, maximum=3_650)
COUNT_API_CALLS = env.boolean("COUNT_API_CALLS", default=True)
UPLOAD_SHARE_PERCENT = env.integer("UPLOAD_SHARE_PERCENT", 20, minimum=1, maximum=100)
QUOTA_RESERVATION_MINUTES = env.integer("QUOTA_RESERVATION_MINUTES", 15, minimum=1, maximum=1_440)

# Capacity of outside services

CAPACITY_LEASE_DAYS = env.integer("CAPACITY_LEASE_DAYS", 7, minimum=1, maximum=3_650)

# The ledger

PAYOUT_HOLD_DAYS = env.integer("PAYOUT_HOLD_DAYS", 7, maximum=365)

# Payouts

PAYOUT_MINIMUM_CENTS = env.integer("PAYOUT_MINIMUM_CENTS", 1_000, minimum=1)
PAYOUT_DESTINATION_REST_HOURS = env.integer("PAYOUT_DESTINATION_REST_HOURS", 72, maximum=24 * 90)
