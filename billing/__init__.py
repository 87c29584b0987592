"""What profiles use and earn, and what outside services allow: plans, quotas, capacity, ledger, payouts."""
