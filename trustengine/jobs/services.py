"""Asking for work: a row in the caller's transaction, and a bell once that has committed."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from trustengine.bulk import insert_rows
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7
from trustengine.jobs import bells
from trustengine.jobs.models import Job
from trustengine.jobs.registry import Handler, Subscription, handler_of, subscriptions

DEFAULT_PRIORITY = 5
INSERT_KEYS = """
    INSERT INTO jobs_job (id, kind, key, args, priority, state, attempts, max_attempts, created_at)
    SELECT id, %s, key, '{}', %s, 'ready', 0, %s, statement_timestamp()
    FROM unnest(%s::uuid[], %s::text[]) AS given (id, key)
"""
INSERTED = ("kind", "key", "args", "priority", "max_attempts")


def enqueue(
    function: Callable[..., Any],
    *,
    key: object = None,
    priority: int = DEFAULT_PRIORITY,
    run_at: datetime | None = None,
    **args: Any,
) -> Job:
    """Have a handler run after this transaction commits, at ``run_at`` or at once.

    The job exists if and only if the transaction commits. ``args`` hold ids rather
    than personal text, and reach the handler as JSON: UUIDs, decimals and times as text.
    A coalesced handler takes ``key`` and no args.
    """
    handler = handler_of(function)
    job = _row(handler, key, priority, run_at, args)
    job.save(force_insert=True)
    if run_at is None or run_at <= database_now():
        bells.ring_on_commit(handler)
    return job


def enqueue_keys(function: Callable[..., Any], keys: Iterable[object], *, priority: int = DEFAULT_PRIORITY) -> int:
    """Have a coalesced handler run for each of many keys; returns how many."""
    handler = handler_of(function)
    if not handler.coalesce:
        raise ValueError(f"{handler.kind} does not coalesce: it takes no key")
    return _insert_keys(handler, [str(key) for key in keys], priority)


def publish(event: str, **payload: Any) -> None:
    """Tell every subscribed handler, each by a job of its own. The publisher knows none of them."""
    for subscription in subscriptions(event):
        handler = subscription.handler
        if _concerns(subscription, payload):
            key = payload[subscription.key] if subscription.key else None
            enqueue(handler.function, key=key, **({} if handler.coalesce else payload))


def publish_many(event: str, payloads: Sequence[Mapping[str, Any]]) -> None:
    """``publish`` for each of these payloads, in one statement for each subscriber."""
    for subscription in subscriptions(event):
        handler = subscription.handler
        told = [payload for payload in payloads if _concerns(subscription, payload)]
        if handler.coalesce and subscription.key:
            _insert_keys(handler, [str(payload[subscription.key]) for payload in told], DEFAULT_PRIORITY)
            continue
        jobs = [
            _row(
                handler, payload[subscription.key] if subscription.key else None, DEFAULT_PRIORITY, None, dict(payload)
            )
            for payload in told
        ]
        insert_rows(Job, [{name: getattr(job, name) for name in INSERTED} for job in jobs])
        if jobs:
            bells.ring_on_commit(handler)


def _insert_keys(handler: Handler, keys: list[str], priority: int) -> int:
    """One statement: some are written with every order, and a model instance for each would cost more than the row."""
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(INSERT_KEYS, [handler.kind, priority, handler.max_attempts, [uuid7() for _ in keys], keys])
        bells.ring_on_commit(handler)
    return len(keys)


def _concerns(subscription: Subscription, payload: Mapping[str, Any]) -> bool:
    return subscription.key is None or payload[subscription.key] is not None


def _row(
    handler: Handler,
    key: object,
    priority: int,
    run_at: datetime | None,
    args: dict[str, Any],
) -> Job:
    if handler.coalesce and (key is None or args):
        raise ValueError(f"{handler.kind} coalesces: it takes a key and nothing else")
    job = Job(
        kind=handler.kind,
        key="" if key is None else str(key),
        args=json.loads(json.dumps(args, cls=DjangoJSONEncoder)),
        priority=priority,
        max_attempts=handler.max_attempts,
    )
    if run_at is not None:
        job.run_at = run_at  # else the database's clock says it
    return job
