"""Bells: how a committed job wakes the workers of its queue.

A bell carries no work, only the name of a kind. Losing one delays a job until the
next sweep; ringing one twice does nothing. So Redis may fail at any moment.
"""

import time

import django_rq
import structlog
from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

from trustengine.jobs.registry import Handler

logger = structlog.get_logger(__name__)

BELL_MILLISECONDS = 10_000
SILENCE_SECONDS = 1.0
DRAIN = "trustengine.jobs.runner.drain"

_silent_until = 0.0


def ring_on_commit(handler: Handler) -> None:
    """Ring once the transaction has committed; many calls in one transaction ring once."""
    connection = transaction.get_connection()
    hook = _Ring(handler)
    present = set(connection.savepoint_ids)
    for savepoints, waiting, _robust in connection.run_on_commit[-8:]:
        if waiting == hook and set(savepoints) <= present:
            return
    transaction.on_commit(hook, robust=True)


def ring(handler: Handler, *, again: bool = False) -> bool:
    """Wake the workers of a handler's queue; False if Redis did not take it.

    While a bell hangs unanswered no second message is sent, unless ``again``. After a
    failure nothing is tried for a second, so that an outage does not slow every commit.
    """
    global _silent_until  # noqa: PLW0603
    if time.monotonic() < _silent_until:
        return False
    try:
        queue = django_rq.get_queue(handler.queue)
        fresh = queue.connection.set(_name(handler.kind), 1, nx=True, px=BELL_MILLISECONDS)
        if fresh or again:
            queue.enqueue(DRAIN, handler.kind, result_ttl=0, failure_ttl=0, ttl=60, job_timeout=-1)
    except RedisError as error:
        _silent_until = time.monotonic() + SILENCE_SECONDS
        logger.warning("bell_not_rung", kind=handler.kind, error=type(error).__name__)
        return False
    return True


def answer(handler: Handler) -> None:
    """Take the bell down. Done *before* claiming, so that a job committed from now on rings again."""
    try:
        django_rq.get_connection(handler.queue).delete(_name(handler.kind))
    except RedisError as error:
        logger.warning("bell_not_answered", kind=handler.kind, error=type(error).__name__)


def _name(kind: str) -> str:
    return f"trustengine:bell:{settings.DATABASES['default']['NAME']}:{kind}"


class _Ring:
    """The on-commit hook of one kind; equal to every other of that kind."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Ring) and other.handler.kind == self.handler.kind

    def __hash__(self) -> int:
        return hash(self.handler.kind)

    def __call__(self) -> None:
        ring(self.handler)
