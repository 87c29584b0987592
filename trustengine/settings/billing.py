"""What metering, capacity, ledger and payouts are held to."""

from trustengine import environment as env

# Capacity of outside services

CAPACITY_LEASE_DAYS = env.integer("CAPACITY_LEASE_DAYS", 7, minimum=1, maximum=3_650)
