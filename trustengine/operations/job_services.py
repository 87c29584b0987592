"""What an operator may do to jobs: try dead letters again, bury what waits, delete what is over.

Here rather than beside the jobs themselves, because each leaves audit entries, which are
a storey above. Rows are locked by id, in batches with a transaction each, so that a large
selection neither holds up workers nor is lost when it is interrupted: what has been moved
is out of the selection, and a second call carries on.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from trustengine.audit.models import Entry
from trustengine.audit.services import draft, record
from trustengine.database_time import database_now
from trustengine.jobs import bells
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_for
from trustengine.jobs.retention import delete_over

BATCH = 500
State = dict[str, Any]


def retry_jobs(queryset: QuerySet[Job], *, actor: Any, reason: str = "") -> int:
    """Make the dead letters of a selection ready again, with all their attempts; returns how many.

    The error stays with the job until it is done. Idempotent: what is not dead stays as it
    is, and one that dies again meanwhile is not retried twice by one call.
    """

    def revive(job: Job) -> None:
        job.state, job.attempts = Job.State.READY, 0
        job.run_at, job.dead_letter_at = database_now(), None

    return _move_each(queryset.filter(state=Job.State.DEAD), revive, "job.retried", actor, reason)


def bury_jobs(queryset: QuerySet[Job], *, actor: Any, reason: str) -> int:
    """Make the waiting jobs of a selection dead letters, so that no worker takes them; returns how many.

    Nothing is lost: they can be retried. Idempotent, and a job that runs already goes on.
    ``reason`` is a code, not prose.
    """

    def bury(job: Job) -> None:
        now = database_now()
        job.state, job.dead_letter_at = Job.State.DEAD, now
        job.error_details = (job.error_details or {"type": "Buried"}) | {"buried": reason, "at": now.isoformat()}

    return _move_each(queryset.filter(state=Job.State.READY), bury, "job.buried", actor, reason)


@transaction.atomic
def purge_jobs(state: str, *, before: datetime, actor: Any) -> int:
    """Delete jobs that have been done, or dead, since before a moment; returns how many. One audit entry for all."""
    count = delete_over(state, before=before)
    if count:
        record("job.purged", ("jobs.job", state), actor=actor, after={"deleted": count, "before": before})
    return count


def _move_each(movable: QuerySet[Job], change: Callable[[Job], None], verb: str, actor: Any, reason: str) -> int:
    """Change what is still movable once it is locked, each with its audit entry, and ring for what waits then."""
    count = 0
    for ids in _batches(movable):
        with transaction.atomic():
            jobs = list(movable.filter(pk__in=ids).select_for_update(of=("self",), no_key=True).order_by("pk"))
            entries = []
            for job in jobs:
                before = _outcome(job)
                change(job)
                entries.append(draft(verb, job, actor=actor, before=before, after=_outcome(job), reason=reason))
            Job.objects.bulk_update(jobs, ["state", "attempts", "run_at", "dead_letter_at", "error_details"])
            Entry.objects.bulk_create(entries)
            for kind in {job.kind for job in jobs if job.state == Job.State.READY}:
                if handler := handler_for(kind):
                    bells.ring_on_commit(handler)
        count += len(jobs)
    return count


def _batches(queryset: QuerySet[Job]) -> Iterator[list[Any]]:
    """The ids of a selection in their order, each once, also where rows enter it again meanwhile."""
    ids = queryset.order_by("pk").values_list("pk", flat=True)
    batch = list(ids[:BATCH])
    while batch:
        yield batch
        batch = list(ids.filter(pk__gt=batch[-1])[:BATCH])


def _outcome(job: Job) -> State:
    return {"state": job.state, "attempts": job.attempts}
