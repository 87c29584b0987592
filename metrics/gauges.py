"""What a scrape tells about the days: how late they are. How wrong is told by ``trustengine_reconcile_drift``."""

from django.db.models import Min

from metrics.jobs import follow_orders, follow_reviews, follow_terms
from trustengine.database_time import database_now
from trustengine.insight import gauge
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of
from trustengine.operations.runs import last_drift

State = Job.State
KINDS = [handler_of(each).kind for each in (follow_orders, follow_reviews, follow_terms)]


@gauge(
    "trustengine_metrics_oldest_dirty_seconds",
    "For how long the day has waited that was changed first of those not made anew since; 0 when none waits.",
)
def oldest_dirty_day() -> float:
    """A dead letter's day waits, too."""
    waiting = Job.objects.filter(kind__in=KINDS, state__in=[State.READY, State.RUNNING, State.DEAD])
    oldest = waiting.aggregate(oldest=Min("created_at"))["oldest"]
    return max((database_now() - oldest).total_seconds(), 0.0) if oldest else 0.0


@gauge("trustengine_metrics_dead_jobs", "Jobs of the metrics that have failed after their last attempt.")
def dead_jobs() -> float:
    return Job.objects.filter(kind__in=KINDS, state=State.DEAD).count()


@gauge("trustengine_metrics_drift", "Days whose numbers disagreed with their facts when all were last compared.")
def drift() -> float:
    return last_drift().get("metrics", (0, None))[0]
