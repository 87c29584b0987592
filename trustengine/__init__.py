"""TrustEngine: the trust layer of an online marketplace."""

VERSION = "0.1.0"  # as in pyproject.toml; a test compares them
