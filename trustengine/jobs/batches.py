"""Running what runs ``together``: due jobs are taken, served and finished in one transaction.

So there is no lease to renew and nothing to return: a worker that dies leaves the rows as
they were, ready, and its death costs them no attempt. For work that is short and within the
database; others pass over the rows meanwhile (``SKIP LOCKED``). The transaction's commit does
not wait for the disk, for the reason that ``claims`` gives.
"""

import time
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.db.models.functions import Now
from psycopg.errors import LockNotAvailable

from trustengine.bulk import Among
from trustengine.jobs.claims import backoff, described, put_back
from trustengine.jobs.measures import count_run, measured
from trustengine.jobs.models import Job
from trustengine.jobs.registry import Handler, RunLater
from trustengine.jobs.running import running

logger = structlog.get_logger(__name__)

# ``jobs_finish`` is a function in the database: see ``jobs.functions``.
FINISH = "SELECT id, key, attempts, seen FROM jobs_finish(%s, %s)"
SERVE = """
    SELECT size, seen, {call} FROM (
        SELECT count(*) AS size, max(seen) AS seen, array_agg(DISTINCT key) AS keys FROM jobs_finish(%s, %s)
    ) AS taken
"""


@dataclass(frozen=True)
class Batch:
    """What one run has taken, and whether more may be due."""

    size: int
    more: bool


def run_batch(handler: Handler) -> Batch:
    """Take due jobs and serve their keys, or nothing of it: of a failure of the handler each job is told.

    Raises what ends the process, as ``SystemExit`` does.
    """
    # One that may fail a single time does so for itself alone.
    limit = 1 if handler.max_attempts == 1 else settings.JOB_BATCH_SIZE
    if handler.in_database and not connection.in_atomic_block:
        try:
            return _serve(handler, limit)
        except DatabaseError as error:
            logger.warning("jobs_not_served_in_database", kind=handler.kind, error=type(error.__cause__).__name__)
            close_old_connections()
            if isinstance(error.__cause__, LockNotAvailable):
                return Batch(0, more=False)  # nobody's failure: they stay due, and the next sweep rings for them
            # Nothing of it is left. The way below tells whose failure it is, should it fail again.
    taken: list[tuple[UUID, str, int, int]] = []
    try:
        with transaction.atomic(durable=True):
            with connection.cursor() as cursor:
                cursor.execute(FINISH, [handler.kind, limit])
                taken = cursor.fetchall()
            if taken:
                with running(taken[0][0], handler.kind), measured(handler.kind):
                    handler.function(sorted({key for _, key, _, _ in taken}))
    except BaseException as error:
        if not connection.in_atomic_block:
            close_old_connections()  # the error may have been that PostgreSQL restarted
        if not taken:
            raise  # nothing has begun
        _failed(handler, taken, error)
        if not isinstance(error, Exception):
            raise  # the process is told to end
    return _batch(len(taken), taken[0][3] if taken else 0, limit)


def _serve(handler: Handler, limit: int) -> Batch:
    """All of it in one statement, which is a transaction of its own."""
    assert handler.in_database
    call, values = handler.in_database()
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(SERVE.format(call=call), [*values, handler.kind, limit])
        size, seen, _ = cursor.fetchone()
    if size:
        count_run(handler.kind, "done", began)
    return _batch(size, seen or 0, limit)


def _batch(size: int, seen: int, limit: int) -> Batch:
    return Batch(size, more=seen > size or seen == limit)


def _failed(handler: Handler, taken: list[tuple[UUID, str, int, int]], error: BaseException) -> None:
    """Put the jobs back, which are ready again by now. Were they finished after all, none is found."""
    jobs = Job.objects.filter(Among("pk", [row[0] for row in taken]), state=Job.State.READY)
    attempt = max(row[2] for row in taken)
    with running(taken[0][0], handler.kind):
        if isinstance(error, RunLater):
            logger.info("job_put_off", seconds=error.delay.total_seconds())
            jobs.update(run_at=Now() + error.delay)
            return
        logger.warning("job_failed", attempt=attempt, error=type(error).__name__, exc_info=error)
        put_back(jobs, delay=backoff(attempt), details=described(error), begun=False)
