"""Running claimed jobs: what the RQ worker calls when a bell rings."""

import math
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction

from trustengine.database.timeouts import long_job
from trustengine.jobs import bells
from trustengine.jobs.batches import run_batch
from trustengine.jobs.claims import (
    Claim,
    LeaseLost,
    claim,
    complete,
    fail,
    give_back,
    put_off,
    renew,
)
from trustengine.jobs.measures import measured
from trustengine.jobs.models import Job
from trustengine.jobs.registry import Handler, RunLater, handler_for, handler_of, handlers, is_long
from trustengine.jobs.running import running

logger = structlog.get_logger(__name__)

LINGER_SECONDS = 0.05
LOOK_SECONDS = 0.01
GLANCE_SECONDS = 0.25  # between two looks while it keeps a pace

stop_requested = threading.Event()
_last_runs: dict[str, float] = {}  # of those that keep a pace, here


def drain(kind: str, *, linger: float = LINGER_SECONDS) -> int:
    """Run the due jobs of one kind until none is left; returns how many.

    Having run some, it waits a moment for more while no other kind waits for this worker:
    a burst of small commits is then a drain, not a message for each.
    Ends early, and rings again, after ``JOB_DRAIN_SECONDS`` or when the worker is told
    to stop. What it has claimed but not begun it gives back, whatever ends it. Nothing
    runs while the system is read-only.
    """
    handler = handler_for(kind)
    if handler is None:
        logger.error("job_kind_unknown", kind=kind)  # the rows wait for a worker whose code knows it
        return 0
    if settings.READ_ONLY:
        return 0
    if handler.together:
        return _drain_together(handler, pace=handler.pace if linger else 0)
    bells.answer(handler)
    deadline = time.monotonic() + settings.JOB_DRAIN_SECONDS
    served = 0
    while claims := _next_claims(handler, patience=linger if served and _before(deadline) else 0):
        begun = 0
        with _heartbeat(claims[0].token):
            try:
                for taken in claims:
                    if stop_requested.is_set() or not _before(deadline):
                        break
                    begun += 1
                    run(handler, taken)
                    served += len(taken.jobs)
            finally:
                if begun < len(claims):
                    give_back(claims[begun:])
        if begun < len(claims):
            bells.ring(handler, again=True)
            break
    return served


def _drain_together(handler: Handler, *, pace: float) -> int:
    """Batches until one has taken all that was due; a job that commits after that rings for itself."""
    _let_gather(handler, until=_last_runs.get(handler.kind, -math.inf) + pace)
    bells.answer(handler)
    deadline = time.monotonic() + settings.JOB_DRAIN_SECONDS
    served, more = 0, True
    while more:
        if stop_requested.is_set() or not _before(deadline):
            bells.ring(handler, again=True)
            break
        _last_runs[handler.kind] = time.monotonic()
        batch = run_batch(handler)
        served, more = served + batch.size, batch.more
    return served


def _before(deadline: float) -> bool:
    return time.monotonic() <= deadline


def _next_claims(handler: Handler, *, patience: float) -> list[Claim]:
    until = time.monotonic() + patience
    while not (claims := claim(handler)):
        if time.monotonic() >= until or bells.others_wait(handler) or stop_requested.wait(LOOK_SECONDS):
            break
    return claims


def _let_gather(handler: Handler, *, until: float) -> None:
    """Let more jobs of this handler come together, unless another kind waits for this worker or it is told to stop.

    Meanwhile the bell hangs, so they send no messages.
    """
    while (left := until - time.monotonic()) > 0:
        if bells.others_wait(handler, answered=False) or stop_requested.wait(min(left, GLANCE_SECONDS)):
            return


def drain_all() -> int:
    """Run every due job of every kind in this process, until nothing is due. For tests."""
    total = 0
    while kinds := set(Job.objects.due().values_list("kind", flat=True)):
        served = sum(drain(handler.kind, linger=0) for handler in handlers() if handler.kind in kinds)
        if not served:
            break
        total += served
    return total


def run(handler: Handler, taken: Claim) -> bool:
    """Run one claim, and settle it; False if it failed, was put off or was taken over.

    Effects and completion share a transaction. Deferred constraints raise at COMMIT, so
    errors are caught outside of it. What ends the process, as ``SystemExit`` does, has
    failed the job too, and goes on.
    """
    with running(taken.jobs[0].pk, handler.kind), long_job() if is_long(handler) else nullcontext():
        return _run(handler, taken)


def _run(handler: Handler, taken: Claim) -> bool:
    try:
        with measured(handler.kind), transaction.atomic() if handler.atomic else nullcontext():
            if handler.coalesce and handler.atomic:
                lock_key(handler.function, taken.jobs[0].key)
            complete(taken, _call(handler, taken), with_effects=handler.atomic)
    except RunLater as wish:
        logger.info("job_put_off", seconds=wish.delay.total_seconds())
        put_off(taken, wish.delay)
        return False
    except BaseException as error:
        if isinstance(error, LeaseLost):
            logger.warning("job_lease_lost", detail=str(error))
        else:
            logger.warning("job_failed", attempt=taken.jobs[0].attempts, error=type(error).__name__, exc_info=True)
        if not connection.in_atomic_block:
            close_old_connections()  # the error may have been that PostgreSQL restarted
        fail(taken, error)
        if not isinstance(error, Exception):
            raise  # the process is told to end
        return False
    return True


def _call(handler: Handler, taken: Claim) -> Any:
    job = taken.jobs[0]
    return handler.function(job.key) if handler.coalesce else handler.function(**job.args)


def lock_key(function: Callable[[str], Any], key: str) -> None:
    """Let the runs of a coalesced handler for one key take turns until commit, and others with them.

    A statement of its own, before the handler reads: under READ COMMITTED the handler
    then sees all that the lock's former holder committed.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{handler_of(function).kind}:{key}"])


@contextmanager
def _heartbeat(token: uuid.UUID) -> Iterator[None]:
    """Renew the leases of a claimed batch from a thread with a connection of its own."""
    finished = threading.Event()

    def beat() -> None:
        while not finished.wait(settings.JOB_LEASE_SECONDS / 3):
            try:
                renew(token)
            except DatabaseError:
                logger.warning("job_heartbeat_failed", exc_info=True)
            finally:
                connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{token}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
