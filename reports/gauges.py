"""What a scrape tells about moderation."""

from collections.abc import Sequence

from django.db.models import Count, Min

from reports.models import Appeal, Case, Decision, Proposal
from trustengine.database_time import database_now
from trustengine.insight import gauge


@gauge("trustengine_open_cases", "Cases that wait for a decision.", labels=["queue"])
def open_cases() -> dict[Sequence[str], float]:
    return _by_queue(Case.objects.open())


@gauge("trustengine_overdue_cases", "Open cases past the time by which they were due.", labels=["queue"])
def overdue_cases() -> dict[Sequence[str], float]:
    return _by_queue(Case.objects.overdue())


@gauge("trustengine_oldest_case_seconds", "How long the oldest open case has been waiting; 0 when none is.")
def oldest_case() -> float:
    oldest = Case.objects.open().aggregate(oldest=Min("opened_at"))["oldest"]
    return max((database_now() - oldest).total_seconds(), 0.0) if oldest else 0.0


@gauge("trustengine_pending_appeals", "Appeals that nobody has ruled on.")
def pending_appeals() -> float:
    return Appeal.objects.filter(state=Appeal.State.PENDING).count()


@gauge("trustengine_open_proposals", "Decisions that wait for a second person.")
def open_proposals() -> float:
    return Proposal.objects.filter(state=Proposal.State.OPEN).count()


@gauge("trustengine_waiting_notices", "Decisions whose time for undoing still runs, so that nobody was told of them.")
def waiting_notices() -> float:
    return Decision.objects.filter(notice_after__gt=database_now()).count()


def _by_queue(cases: object) -> dict[Sequence[str], float]:
    """Every queue, also the empty ones: an alert needs a number to fall back to."""
    counted = dict(cases.values_list("queue").annotate(count=Count("pk")).order_by())  # type: ignore[attr-defined]
    return {(str(queue),): float(counted.get(queue, 0)) for queue in Case.Queue.values}
