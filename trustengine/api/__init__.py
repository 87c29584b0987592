"""What every endpoint shares: problem documents, keyset pages, limits, idempotency keys, the OpenAPI document."""
