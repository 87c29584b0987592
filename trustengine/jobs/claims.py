"""Taking due jobs for a while: claim, renew, complete, fail, put off, give back.

A claim commits at once, so that a worker that dies leaves rows with a lease that
runs out. Everything afterwards is fenced: it names the lease's token, and touches
nothing once another worker has taken over. All times are the database's, because
the clocks of machines differ.
"""

import json
import os
import random
import socket
import traceback
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from trustengine.database_time import database_now
from trustengine.jobs.models import Job, JobQuerySet
from trustengine.jobs.registry import Handler

LONGEST_BACKOFF = timedelta(hours=1)
LARGEST_KEY = 10_000  # rows of the claimed keys that one claim takes at most; the others wait for the next
MESSAGE_CHARACTERS = 1_000
TRACEBACK_CHARACTERS = 4_000


class LeaseLost(Exception):
    """Another worker has taken over some of these jobs: what was just done must roll back."""


@dataclass(frozen=True)
class Claim:
    """Jobs that one run of a handler serves: one, or all those of a coalesced key."""

    token: uuid.UUID
    jobs: Sequence[Job]
    coalesced: bool = False


# In the order of their turn: either one job that has failed before, or as many as fit that have not.
CLAIM = """
    WITH due AS MATERIALIZED (
        SELECT id, attempts, priority, run_at FROM jobs_job
        WHERE kind = %(kind)s AND state = 'ready' AND run_at <= statement_timestamp()
        ORDER BY priority, run_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ), ranked AS (
        SELECT id, attempts, row_number() OVER turn AS turn, first_value(attempts) OVER turn AS attempts_of_first
        FROM due WINDOW turn AS (ORDER BY priority, run_at, id)
    ), picked AS (
        SELECT id FROM ranked WHERE turn = 1 OR (attempts = 0 AND attempts_of_first = 0)
    )
"""
# Beside them what else waits for their keys; among fresh jobs still none that has failed.
CLAIM_SAME_KEYS = """
    WITH picked AS MATERIALIZED (
        SELECT id FROM jobs_job
        WHERE kind = %(kind)s AND key = ANY(%(keys)s)
            AND state = 'ready' AND run_at <= statement_timestamp() AND (attempts = 0 OR %(failed)s)
        ORDER BY priority, run_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
"""
TAKE = """
    UPDATE jobs_job AS job
    SET state = 'running', attempts = job.attempts + 1, lease_token = %(token)s,
        claimed_at = statement_timestamp(), heartbeat_at = statement_timestamp(),
        lease_until = statement_timestamp() + make_interval(secs => %(lease)s)
    FROM picked WHERE job.id = picked.id
    RETURNING job.id, job.kind, job.args, job.key, job.priority, job.attempts, job.max_attempts, job.run_at
"""

# By hand like the others: run once per job, it is what a drain spends its time on. Where the effects are in the same
# transaction, its commit need not wait for the disk: a crash that loses it loses effects and completion together, the
# claim is durable, and so the job runs again. Whatever follows from the effects waits for the disk, and for all before.
COMPLETE = """
    UPDATE jobs_job
    SET state = 'done', job_result = %(result)s, error_details = NULL, finished_at = statement_timestamp(),
        lease_token = NULL, lease_until = NULL
    WHERE id = ANY(%(ids)s) AND state = 'running' AND lease_token = %(token)s
"""
COMPLETE_WITH_EFFECTS = COMPLETE + " AND set_config('synchronous_commit', 'off', true) = 'off'"


def claim(handler: Handler) -> list[Claim]:
    """Lease the next due jobs of a kind, most urgent first; an empty list when none is due.

    A job that has failed before is claimed alone when its turn comes, so that one which
    kills its worker takes no others down with it; so is one that has a single attempt.
    Commits before it returns.
    """
    token = uuid.uuid4()
    values: dict[str, Any] = {
        "kind": handler.kind,
        "limit": 1 if handler.max_attempts == 1 else settings.JOB_BATCH_SIZE,
        "token": token,
        "lease": settings.JOB_LEASE_SECONDS,
    }
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        jobs = _take(cursor, CLAIM, values)
        if jobs and handler.coalesce:
            keys, failed = sorted({job.key for job in jobs}), jobs[0].attempts > 1
            jobs += _take(cursor, CLAIM_SAME_KEYS, values | {"keys": keys, "failed": failed, "limit": LARGEST_KEY})
    jobs.sort(key=lambda job: (job.priority, job.run_at, job.pk))  # RETURNING promises no order
    return [Claim(token, group, handler.coalesce) for group in _groups(jobs, handler)]


def renew(token: uuid.UUID) -> int:
    """Extend the lease of every job still running under a token; returns how many."""
    lease = timedelta(seconds=settings.JOB_LEASE_SECONDS)
    return _running(token).update(lease_until=Now() + lease, heartbeat_at=Now())


def complete(taken: Claim, result: Any = None, *, with_effects: bool = False) -> None:
    """Mark the jobs done, last in the handler's transaction. Raises LeaseLost, which must roll it back.

    ``with_effects``: the transaction holds all effects of the jobs, so it may be lost as a whole.
    """
    stored = None if result is None else json.dumps(result)
    statement = COMPLETE_WITH_EFFECTS if with_effects else COMPLETE
    with connection.cursor() as cursor:
        cursor.execute(statement, {"token": taken.token, "ids": [job.pk for job in taken.jobs], "result": stored})
        done = cursor.rowcount
    if done != len(taken.jobs):
        raise LeaseLost(f"{len(taken.jobs) - done} of {len(taken.jobs)} jobs were taken over")


def fail(taken: Claim, error: BaseException) -> None:
    """Put what is still held back with a growing delay, or make it a dead letter after its last attempt."""
    put_back(_held(taken), delay=backoff(max(job.attempts for job in taken.jobs)), details=described(error))


def described(error: BaseException) -> dict[str, Any]:
    """What is kept of an error with the job that it has failed."""
    return {
        "type": type(error).__name__,
        "message": _storable(_without_rows(str(error)).strip()[:MESSAGE_CHARACTERS]),
        "traceback": _storable("".join(map(_without_rows, traceback.format_exception(error)))[-TRACEBACK_CHARACTERS:]),
        "at": database_now().isoformat(),
        "worker": this_worker(),
    }


def put_back(jobs: JobQuerySet, *, delay: timedelta, details: dict[str, Any], begun: bool = True) -> int:
    """Make jobs that have failed ready, or dead where no attempt is left; returns how many.

    ``begun``: the attempt that has failed is among theirs already.
    """
    attempts = F("attempts") if begun else F("attempts") + 1
    exhausted = When(max_attempts__lte=attempts, then=Value(Job.State.DEAD))
    buried_at = When(max_attempts__lte=attempts, then=Now())
    return jobs.update(
        attempts=attempts,
        state=Case(exhausted, default=Value(Job.State.READY)),
        dead_letter_at=Case(buried_at, default=None),
        run_at=Now() + delay,
        error_details=details,
        lease_token=None,
        lease_until=None,
    )


def give_back(claims: Sequence[Claim]) -> int:
    """Return jobs that were claimed together but not begun, as if they had never been claimed; how many."""
    ids = [job.pk for taken in claims for job in taken.jobs]
    return unclaim(_running(claims[0].token).filter(pk__in=ids))


def put_off(taken: Claim, delay: timedelta) -> int:
    """Return what is still held of a claim to be run after a delay, no attempt used; how many jobs."""
    return unclaim(_held(taken), run_at=Now() + delay)


def unclaim(jobs: JobQuerySet, **changes: Any) -> int:
    """Make running jobs ready as they were, but for these changes, the attempt given back too; returns how many."""
    return jobs.update(
        state=Job.State.READY,
        attempts=F("attempts") - 1,
        lease_token=None,
        lease_until=None,
        claimed_at=None,
        heartbeat_at=None,
        **changes,
    )


def backoff(attempts: int) -> timedelta:
    """Exponential delay with jitter: between a half and the whole of base × 2ⁿ, an hour at most."""
    seconds = settings.JOB_BACKOFF_SECONDS * 2 ** min(attempts - 1, 30)
    return min(seconds, LONGEST_BACKOFF.total_seconds()) * random.uniform(0.5, 1) * timedelta(seconds=1)


def this_worker() -> str:
    """Where this process runs: machine and process id, as the console lists the workers."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _running(token: uuid.UUID) -> JobQuerySet:
    return Job.objects.filter(lease_token=token, state=Job.State.RUNNING)


def _held(taken: Claim) -> JobQuerySet:
    first = taken.jobs[0]
    held = _running(taken.token)
    return held.filter(kind=first.kind, key=first.key) if taken.coalesced else held.filter(pk=first.pk)


def _take(cursor: Any, picked: str, values: dict[str, Any]) -> list[Job]:
    cursor.execute(picked + TAKE, values)
    columns = [column.name for column in cursor.description]
    rows = (dict(zip(columns, row, strict=True)) for row in cursor.fetchall())
    return [Job(**row | {"args": json.loads(row["args"])}) for row in rows]


def _groups(jobs: list[Job], handler: Handler) -> list[list[Job]]:
    if not handler.coalesce:
        return [[job] for job in jobs]
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.key, []).append(job)
    return list(groups.values())


def _without_rows(text: str) -> str:
    """A database's message without the values of the row that it refuses, which people may have written.

    Of a traceback this is given one part at a time: the detail ends the part of its error.
    """
    said, detail, _ = text.partition("\nDETAIL:")
    return said + "\n" * bool(detail)


def _storable(text: str) -> str:
    """The text without what PostgreSQL refuses in jsonb: NUL, and halves of surrogate pairs."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
