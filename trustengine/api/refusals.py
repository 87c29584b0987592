"""Requests refused for a reason of trust: a line in the ``security`` log, and a count.

Both outlive the rollback of the request's transaction.
"""

from typing import Any

import structlog
from prometheus_client import Counter

security = structlog.get_logger("security")

REFUSALS = Counter("trustengine_refusals_total", "Requests refused for a reason of trust.", ["code"])


def refused(code: str, **about: Any) -> None:
    """Note a refusal. ``about`` holds ids and codes, no personal text."""
    REFUSALS.labels(code).inc()
    security.warning("refused", code=code, **about)
