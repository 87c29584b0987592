"""Every night, each derived value is compared with its facts. Drift is an alert.

It is fixed for the targets of ``RECONCILE_FIX`` only, which are none by default.
"""

import time
from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from trustengine.database_time import database_now
from trustengine.jobs.registry import job, scheduled
from trustengine.jobs.retention import keep as keep_rows
from trustengine.jobs.runner import stop_requested
from trustengine.jobs.services import enqueue
from trustengine.operations.comparisons import conclude, keep, kept
from trustengine.operations.models import Run, RunChange
from trustengine.operations.reconciling import Scope, compare, page_size
from trustengine.operations.registry import reconcilers
from trustengine.operations.runs import RunLost, State, begin, claim, stop_for_good

logger = structlog.get_logger(__name__)

NIGHTLY = "nightly job"
BATCH = 1_000
SLICE_SECONDS = 20.0  # then other jobs of the queue have their turn
FORGOTTEN_AFTER = timedelta(hours=12)


def _run_days() -> int:
    return settings.RUN_RETENTION_DAYS


# In this order: a revert names its run, and a change its run. The latest whole comparisons stay: gauges tell of them.
keep_rows(
    RunChange,
    moment="run__finished_at",
    days=_run_days,
    rows=lambda: RunChange.objects.filter(run__in=Run.objects.prunable()),
)
keep_rows(Run, moment="finished_at", days=_run_days, rows=lambda: Run.objects.prunable().filter(changes=None))


@scheduled("41 3 * * *")
@job(queue="low")
def reconcile_nightly() -> None:
    """Begin a recorded comparison of every target, each carried on by jobs of its own.

    A target whose last night still goes on is left out.
    """
    for target in reconcilers():
        mine = Run.objects.filter(command=Run.Command.RECONCILE, target=target, who=NIGHTLY, state=State.RUNNING)
        earlier = mine.select_for_update(of=("self",), no_key=True).first()
        if earlier and database_now() - earlier.heartbeat_at < FORGOTTEN_AFTER:
            logger.warning("reconcile_still_running", target=target, run=str(earlier.pk))
            continue
        if earlier:
            stop_for_good(earlier, problem="No job has carried it on.")
        run = begin(Run.Command.RECONCILE, target, who=NIGHTLY, arguments={"fix": target in settings.RECONCILE_FIX})
        enqueue(reconcile_slice, run_id=run.pk)


@job(queue="low", atomic=False, long=True)
def reconcile_slice(run_id: str) -> None:
    """Go on with a comparison for a while, then leave the rest to another job like this.

    The run remembers each batch, so whatever ends this process costs one batch. Were two
    at one run, the token that the later one took would fence off the earlier.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update(of=("self",), no_key=True).filter(pk=run_id, state=State.RUNNING).first()
        if run is None:
            return
        claim(run)
    findings, after = kept(run), UUID(run.position) if run.position else None
    before = findings.checked
    deadline = time.monotonic() + SLICE_SECONDS
    target = reconcilers()[run.target]()
    size, fix = page_size(target, BATCH), bool(run.arguments.get("fix"))
    try:
        for last in compare(target, scope=Scope(), fix=fix, batch_size=size, findings=findings, after=after):
            was_last = (findings.checked - before) % size > 0  # nothing follows a page that is not full
            stopping = not was_last and (stop_requested.is_set() or time.monotonic() > deadline)
            with transaction.atomic():
                keep(run, last, findings)
                if stopping:
                    enqueue(reconcile_slice, run_id=run.pk)
            if stopping:
                return
        conclude(run, findings)
    except RunLost:
        logger.info("reconcile_slice_overtaken", run=run_id)
        return
    if findings.fixed:
        logger.warning("reconcile_fixed", target=run.target, fixed=findings.fixed, run=run_id)
    if findings.remaining:
        logger.error("reconcile_drift", target=run.target, drifted=findings.remaining, run=run_id)
