"""Taking due jobs for a while: claim, renew, complete, fail, give back.

A claim commits at once, so that a worker that dies leaves rows with a lease that
runs out. Everything afterwards is fenced: it names the lease's token, and touches
nothing once another worker has taken over.
"""

import random
import traceback
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from trustengine.jobs.models import Job
from trustengine.jobs.registry import Handler

LONGEST_BACKOFF = timedelta(hours=1)
TRACEBACK_CHARACTERS = 4_000


class LeaseLost(Exception):
    """Another worker has taken over some of these jobs: what was just done must roll back."""


@dataclass(frozen=True)
class Claim:
    """Jobs that one run of a handler serves: one, or all those of a coalesced key."""

    token: uuid.UUID
    jobs: Sequence[Job]
    coalesced: bool = False


# Picked first, then updated: PostgreSQL may run a sub-select with LIMIT more than once.
CLAIM = """
    WITH picked AS MATERIALIZED (
        SELECT id FROM jobs_job
        WHERE kind = %(kind)s AND state = 'ready' AND run_at <= statement_timestamp() AND (attempts > 0) = %(failed)s
        ORDER BY priority, run_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
"""
CLAIM_SAME_KEYS = """
    WITH picked AS MATERIALIZED (
        SELECT id FROM jobs_job
        WHERE kind = %(kind)s AND key = ANY(%(keys)s)
            AND state = 'ready' AND run_at <= statement_timestamp() AND (attempts > 0) = %(failed)s
        ORDER BY id FOR UPDATE SKIP LOCKED
    )
"""
TAKE = """
    UPDATE jobs_job AS job
    SET state = 'running', attempts = attempts + 1, lease_token = %(token)s, heartbeat_at = now(),
        lease_until = now() + make_interval(secs => %(lease)s)
    FROM picked WHERE job.id = picked.id
    RETURNING job.id, job.kind, job.args, job.key, job.priority, job.attempts, job.max_attempts, job.run_at
"""


def claim(handler: Handler) -> list[Claim]:
    """Lease the next due jobs of a kind, most urgent first; an empty list when none is due.

    A job that has failed before is claimed alone, so that one which kills its worker
    takes no others down with it. Commits before it returns.
    """
    for failed, limit in ((True, 1), (False, settings.JOB_BATCH_SIZE)):
        token = uuid.uuid4()
        values: dict[str, Any] = {
            "kind": handler.kind,
            "failed": failed,
            "limit": limit,
            "token": token,
            "lease": settings.JOB_LEASE_SECONDS,
        }
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            jobs = _take(cursor, CLAIM, values)
            if jobs and handler.coalesce:
                jobs += _take(
                    cursor,
                    CLAIM_SAME_KEYS,
                    values | {"keys": sorted({job.key for job in jobs})},
                )
        if jobs:
            jobs.sort(key=lambda job: (job.priority, job.run_at, job.pk))  # RETURNING promises no order
            return [Claim(token, group, handler.coalesce) for group in _groups(jobs, by_key=handler.coalesce)]
    return []


def renew(token: uuid.UUID) -> int:
    """Extend the lease of every job still running under a token; returns how many."""
    now = timezone.now()
    return Job.objects.filter(lease_token=token, state=Job.State.RUNNING).update(
        lease_until=now + timedelta(seconds=settings.JOB_LEASE_SECONDS),
        heartbeat_at=now,
    )


def complete(taken: Claim, result: Any = None) -> None:
    """Mark the jobs done, last in the handler's transaction. Raises LeaseLost, which must roll it back."""
    done = _held(taken).update(
        state=Job.State.DONE,
        job_result=result,
        lease_token=None,
        lease_until=None,
        error_details=None,
        finished_at=timezone.now(),
    )
    if done != len(taken.jobs):
        raise LeaseLost(f"{len(taken.jobs) - done} of {len(taken.jobs)} jobs were taken over")


def fail(taken: Claim, error: BaseException) -> None:
    """Put the jobs back with a growing delay, or make them dead letters after their last attempt."""
    attempts = max(job.attempts for job in taken.jobs)
    details = {
        "type": type(error).__name__,
        "message": str(error)[:1_000],
        "traceback": "".join(traceback.format_exception(error))[-TRACEBACK_CHARACTERS:],
        "at": timezone.now().isoformat(),
    }
    put_back(_held(taken), due=timezone.now() + backoff(attempts), details=details)


def put_back(jobs: Any, *, due: datetime, details: dict[str, Any]) -> int:
    """Move running jobs to ready, or to dead where no attempt is left; returns how many."""
    exhausted = When(attempts__gte=F("max_attempts"), then=Value(Job.State.DEAD))
    buried_at = When(attempts__gte=F("max_attempts"), then=Value(timezone.now()))
    changed: int = jobs.update(
        state=Case(exhausted, default=Value(Job.State.READY)),
        dead_letter_at=Case(buried_at, default=None),
        run_at=due,
        error_details=details,
        lease_token=None,
        lease_until=None,
    )
    return changed


def give_back(claims: Iterable[Claim]) -> None:
    """Return jobs that were claimed but not begun, as if they had never been claimed."""
    for taken in claims:
        _held(taken).update(
            state=Job.State.READY,
            attempts=F("attempts") - 1,
            lease_token=None,
            lease_until=None,
            heartbeat_at=None,
        )


def backoff(attempts: int) -> timedelta:
    """Exponential delay with full jitter, between a half and the whole of base × 2ⁿ."""
    seconds = settings.JOB_BACKOFF_SECONDS * 2 ** min(attempts - 1, 30)
    return min(
        timedelta(seconds=seconds) if seconds < 86_400 else LONGEST_BACKOFF,
        LONGEST_BACKOFF,
    ) * random.uniform(0.5, 1)


def _held(taken: Claim) -> Any:
    held = Job.objects.filter(lease_token=taken.token, state=Job.State.RUNNING)
    first = taken.jobs[0]
    return held.filter(kind=first.kind, key=first.key) if taken.coalesced else held.filter(pk=first.pk)


def _take(cursor: Any, picked: str, values: dict[str, Any]) -> list[Job]:
    cursor.execute(picked + TAKE, values)
    columns = [column.name for column in cursor.description]
    return [Job(**_decoded(dict(zip(columns, row, strict=True)))) for row in cursor.fetchall()]


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    field = Job._meta.get_field("args")
    return row | {"args": field.from_db_value(row["args"], None, connection)}


def _groups(jobs: list[Job], *, by_key: bool) -> list[list[Job]]:
    if not by_key:
        return [[job] for job in jobs]
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.key, []).append(job)
    return list(groups.values())
