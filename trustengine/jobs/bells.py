"""Bells: how a committed job wakes the workers of its queue.

A bell carries no work, only the name of a kind. Losing one delays a job until the
next sweep; ringing one twice does nothing. So Redis may fail at any moment.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import django_rq
import structlog
from django.conf import settings
from django.db import transaction
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError
from redis.retry import Retry

from trustengine.jobs.registry import Handler

logger = structlog.get_logger(__name__)

BELL_MILLISECONDS = 10_000
SILENCE_SECONDS = 1.0
MESSAGE_SECONDS = 60  # one that nobody has taken by then is worthless: the sweep has rung again
LONGEST_DRAIN_SECONDS = 3_600  # a handler that hangs is interrupted, and its job has failed
RECENT_HOOKS = 50
DRAIN = "trustengine.jobs.runner.drain"

_silent_until = 0.0


def ring_on_commit(handler: Handler) -> None:
    """Ring once the transaction has committed; many calls in one transaction ring once.

    A hook that waits already will do: had one of its savepoints been rolled back, Django
    would have dropped it, and those that are still open are open around this call as well.
    """
    hook = _Ring(handler)
    waiting = transaction.get_connection().run_on_commit[-RECENT_HOOKS:]
    if not any(other == hook for _, other, _ in waiting):
        transaction.on_commit(hook, robust=True)


def ring(handler: Handler, *, again: bool = False) -> bool:
    """Wake the workers of a handler's queue; False if Redis did not take it.

    While a bell hangs unanswered no second message is sent, unless ``again``.
    """

    def send(redis: Redis) -> None:
        if redis.set(_name(handler.kind), 1, nx=True, px=BELL_MILLISECONDS) or again:
            # Now, and not when some transaction commits, which is what django-rq's queues do by themselves.
            django_rq.get_queue(handler.queue, connection=redis, commit_mode="auto").enqueue(
                DRAIN,
                handler.kind,
                result_ttl=0,
                failure_ttl=0,
                ttl=MESSAGE_SECONDS,
                job_timeout=LONGEST_DRAIN_SECONDS,
            )

    return _attempt(send, "bell_not_rung", handler)


def answer(handler: Handler) -> None:
    """Take the bell down. Done *before* claiming, so that a job committed from now on rings again."""
    _attempt(lambda redis: redis.delete(_name(handler.kind)), "bell_not_answered", handler)


def others_wait(handler: Handler, *, answered: bool = True) -> bool:
    """Whether the queue holds messages other than this kind's own; True where Redis does not say.

    ``answered``: the bell was taken down, so that one that hangs is another, with a message.
    """
    waiting = 1

    def count(redis: Redis) -> None:
        nonlocal waiting
        if not answered:
            waiting = redis.llen(f"rq:queue:{handler.queue}")
            return
        pipeline = redis.pipeline(transaction=False)
        pipeline.llen(f"rq:queue:{handler.queue}")
        pipeline.exists(_name(handler.kind))
        messages, own = pipeline.execute()
        waiting = messages - own

    _attempt(count, "queue_not_looked_at", handler)
    return waiting > 0


def _attempt(action: Callable[[Redis], object], failed: str, handler: Handler) -> bool:
    """Talk to Redis; False if it is away. After a failure nothing is tried for a while, so that an
    outage does not slow every commit."""
    global _silent_until  # noqa: PLW0603
    if time.monotonic() < _silent_until:
        return False
    try:
        action(_redis(settings.REDIS_ADDRESS))
    except RedisError as error:
        _silent_until = time.monotonic() + SILENCE_SECONDS
        logger.warning(failed, kind=handler.kind, error=type(error).__name__)
        return False
    return True


@cache
def _redis(address: str) -> Redis:
    """This process's client: one pool, and one retry at once for a connection that a restart has cut."""
    retry = Retry(NoBackoff(), 1, supported_errors=(ConnectionLost,))
    client: Redis = Redis.from_url(address, retry=retry)
    return client


def _name(kind: str) -> str:
    return f"trustengine:bell:{settings.DATABASES['default']['NAME']}:{kind}"


@dataclass(frozen=True)
class _Ring:
    """The on-commit hook of one kind; equal to every other of that kind."""

    handler: Handler

    def __call__(self) -> None:
        ring(self.handler)
