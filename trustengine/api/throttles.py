"""Limits on what one caller may do in a while, counted in Redis in one atomic step.

DRF's own throttles read and then write, so that parallel requests pass; here the
counter is incremented first and judged by its new value.
"""

import time

import django_rq
import structlog
from redis.exceptions import RedisError

from trustengine.api.refusals import refused
from trustengine.errors import RateLimitExceeded

logger = structlog.get_logger(__name__)


def limit(scope: str, caller: object, *, per_minute: int) -> None:
    """Count one action of a caller; raise RateLimitExceeded beyond ``per_minute`` in a calendar minute.

    Policy without Redis: open. A limit guards against nuisance, and must not stop the shop.
    """
    now = time.time()
    window = int(now // 60)
    name = f"trustengine:limit:{scope}:{caller}:{window}"
    try:
        with django_rq.get_connection("default").pipeline(transaction=True) as pipeline:
            pipeline.incr(name)
            pipeline.expire(name, 120)
            count, _ = pipeline.execute()
    except RedisError as error:
        logger.warning("limit_not_counted", scope=scope, error=type(error).__name__)
        return
    if count > per_minute:
        refused(RateLimitExceeded.code, scope=scope, caller=str(caller))
        raise RateLimitExceeded(retry_after=max(1, int((window + 1) * 60 - now)))
