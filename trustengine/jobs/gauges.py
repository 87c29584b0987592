"""What a scrape tells about jobs. Done rows are not counted: there are many, and they need nobody."""

from collections.abc import Sequence

from django.db.models import Count, Min

from trustengine.database_time import database_now
from trustengine.insight import gauge
from trustengine.jobs.models import Job

State = Job.State


@gauge("trustengine_oldest_due_job_seconds", "How long the oldest due job has been waiting; 0 when none is due.")
def oldest_due_job() -> float:
    oldest = Job.objects.due().aggregate(oldest=Min("run_at"))["oldest"]
    return max((database_now() - oldest).total_seconds(), 0.0) if oldest else 0.0


@gauge("trustengine_jobs", "Jobs that wait, run or have failed for good.", labels=["state", "kind"])
def jobs() -> dict[Sequence[str], float]:
    # By state rather than “not done”, so that the partial index of open jobs serves it.
    unfinished = Job.objects.filter(state__in=[State.READY, State.RUNNING, State.DEAD])
    counts = unfinished.values_list("state", "kind").annotate(count=Count("pk")).order_by()
    return {(state, kind): count for state, kind, count in counts}


@gauge("trustengine_dead_letters", "Jobs that have failed after their last attempt.")
def dead_letters() -> float:
    return Job.objects.filter(state=State.DEAD).count()
