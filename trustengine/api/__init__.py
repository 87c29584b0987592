"""What every endpoint shares: problem documents, keyset pagination, named orderings, throttles, the schema."""
