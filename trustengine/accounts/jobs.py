"""Background work of accounts."""

from datetime import timedelta
from uuid import UUID

import django_rq
import structlog
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from redis.exceptions import RedisError

from trustengine.accounts.models import UserSession
from trustengine.database_time import database_now
from trustengine.jobs.claims import backoff
from trustengine.jobs.registry import job, scheduled
from trustengine.jobs.retention import keep
from trustengine.jobs.services import enqueue

logger = structlog.get_logger(__name__)

LEAST_PAUSE = timedelta(seconds=10)

for _sign_ins in (AccessAttempt, AccessFailureLog, AccessLog):
    keep(_sign_ins, moment="attempt_time", days=lambda: settings.SIGN_IN_FAILURE_DAYS)
keep(UserSession, moment="expire_date", days=lambda: 0)


@job(queue="default", coalesce=True, long=True)
def erase(key: str) -> None:
    """One batch of an erasure, and another job for the next one in the same transaction.

    A step that fails is tried again with growing pauses for as long as it takes: there is
    no giving up on a person's right.
    """
    from trustengine.accounts.erasing import advance
    from trustengine.accounts.models import Erasure

    erasure = advance(UUID(key))
    if erasure.state == Erasure.State.FAILED:
        pause = LEAST_PAUSE + backoff(erasure.failures)
        enqueue(erase, key=key, run_at=database_now() + pause)
    elif erasure.state != Erasure.State.DONE:
        enqueue(erase, key=key)


@job(queue="low", coalesce=True, atomic=False, long=True)
def erase_leftovers(key: str) -> dict[str, int]:
    """Erase what an earlier request has still written about somebody while they were being erased."""
    from trustengine.accounts.erasing import look_again

    return {"rows": look_again(UUID(key))}


@job(queue="low", atomic=False)
def send_sign_in_warning(user_id: str) -> bool:
    """Mail an account's holder that somebody guesses its password; whether a mail has left."""
    from trustengine.accounts.sign_in_warnings import send_warning

    return send_warning(UUID(user_id))


@scheduled("17 * * * *")
@job(queue="low")
def prune_refresh_tokens() -> dict[str, int]:
    """Delete what is known of refresh tokens that have all expired."""
    from trustengine.accounts.refresh_tokens import prune_refresh_families

    return {"families": prune_refresh_families()}


@scheduled("47 4 * * *")
@job(queue="low", atomic=False)
def rewrite_redis_log() -> bool:
    """Have Redis write its append-only file again, in which what was erased since yesterday still stands.

    False where Redis keeps no such file, does it by itself while another is under way, or does not let us.
    """
    redis = django_rq.get_connection("low")
    try:
        if not redis.info("persistence").get("aof_enabled"):
            return False
        redis.bgrewriteaof()
    except RedisError as error:
        logger.warning("redis_log_not_rewritten", error=type(error).__name__)
        return False
    return True
