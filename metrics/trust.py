"""How reviews are screened and moderated: read from the rows when asked, over a bounded time and by indexes.

Reviews by state and queues are of this moment; everything else is of what happened in the
period. Decisions that were undone within their grace period never took effect, and are left out.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django.db import connection
from django.db.models import (
    Aggregate,
    Case,
    CharField,
    Count,
    DurationField,
    F,
    Min,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import TruncDate

from metrics.models import PageViews
from metrics.periods import Period
from reports.models import Action, Appeal, Decision, Report
from reports.models import Case as ModerationCase
from reviews.models import ProductRating, Review, Screening
from trustengine.admin.days import start_of
from trustengine.database_time import database_now

MOST_DAYS = 92  # screenings and their signals are read one by one

# The first that holds names a review's state. Together with the counted ones these are all reviews there are.
STATES: tuple[tuple[str, Q], ...] = (
    ("withdrawn", Q(deleted_at__isnull=False)),
    ("removed", Q(removed_at__isnull=False)),
    ("pending", Q(status=Review.Status.PENDING)),
    ("rejected", Q(status=Review.Status.REJECTED)),
    ("hidden", Q(is_hidden=True)),
    ("restricted", Q(restricted_at__isnull=False)),
    ("quarantined", Q(quarantined_at__isnull=False)),
    ("refunded", Q(purchase_refunded_at__isnull=False)),
)


class Percentile(Aggregate):
    """The value that a share of all does not exceed, interpolated between two."""

    template = "percentile_cont(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"


def trust(period: Period) -> dict[str, Any]:
    """Everything at once, by the names that the API has; the number of statements is always the same."""
    return {
        "from": period.first,
        "to": period.last,
        "reviews": [{"state": state, "count": count} for state, count in reviews_by_state()],
        "screenings": verdicts_by_day(period),
        "signals": signals_raised(period),
        "queues": queue_ages(),
        "decisions": decisions_taken(period),
        "decision_seconds": decision_times(period),
        "appeals": appeals(period),
        "reports": report_rate(period),
    }


def reviews_by_state() -> Iterator[tuple[str, int]]:
    """All reviews, each in one state. The counted ones, which are most, are the sum of what ratings are made of."""
    counted = ProductRating.objects.aggregate(total=Sum("count"))["total"] or 0
    state = Case(*(When(holds, then=Value(name)) for name, holds in STATES), output_field=CharField())
    apart = Review.objects.set_apart().annotate(state=state).order_by().values_list("state")
    counts = dict(apart.annotate(count=Count("*")))  # of nothing that the index does not hold
    yield "counted", counted
    for name, _ in STATES:
        yield name, counts.get(name, 0)


def verdicts_by_day(period: Period) -> list[dict[str, Any]]:
    """How many revisions screening approved, queued, rejected or restricted, day by day."""
    rows = _within(Screening.objects.all(), "created_at", period).annotate(day=TruncDate("created_at"))
    return list(rows.order_by().values("day", "verdict").annotate(count=Count("pk")).order_by("day", "verdict"))


def signals_raised(period: Period) -> list[dict[str, Any]]:
    """In how many revisions each signal was found, most often first."""
    begins, ends = _bounds(period)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT signal->>'name' AS name, count(DISTINCT screening.id) AS found
            FROM reviews_screening AS screening, jsonb_array_elements(screening.signals) AS signal
            WHERE screening.created_at >= %s AND screening.created_at < %s
            GROUP BY name ORDER BY found DESC, name
            """,
            [begins, ends],
        )
        return [{"signal": name, "count": found} for name, found in cursor.fetchall()]


def queue_ages() -> list[dict[str, Any]]:
    """Each queue's open cases: how many, how many past their time, and since when the oldest waits."""
    counted = (
        ModerationCase.objects.open()
        .order_by()
        .values_list("queue")
        .annotate(open=Count("pk"), overdue=Count("pk", filter=Q(due_at__lt=database_now())), oldest=Min("opened_at"))
    )
    found = {queue: rest for queue, *rest in counted}
    return [
        dict(zip(("queue", "open", "overdue", "oldest_at"), (queue, *found.get(queue, (0, 0, None))), strict=True))
        for queue in ModerationCase.Queue.values
    ]


def decisions_taken(period: Period) -> list[dict[str, Any]]:
    """Decisions by action, reason and whether a rule took them, most frequent first."""
    rows: QuerySet[Any, Any] = _taken(period).order_by().values("action", "reason", "automated")
    return list(rows.annotate(count=Count("pk")).order_by("-count", "action", "reason", "automated"))


def decision_times(period: Period) -> dict[str, Any]:
    """From the opening of a case to its decision by a person, in seconds: the middle, and nine out of ten."""
    waited = F("created_at") - F("case__opened_at")
    found = (
        _taken(period)
        .filter(automated=False, case__isnull=False)
        .aggregate(
            count=Count("pk"),
            median=Percentile(waited, share=0.5, output_field=DurationField()),
            p90=Percentile(waited, share=0.9, output_field=DurationField()),
        )
    )
    return {"count": found["count"], "median": _seconds(found["median"]), "p90": _seconds(found["p90"])}


def appeals(period: Period) -> dict[str, Any]:
    """Appeals made and ruled on, and how many of the rulings overturned the decision."""
    begins, ends = _bounds(period)
    made = Q(created_at__gte=begins, created_at__lt=ends)
    ruled = Q(ruled_at__gte=begins, ruled_at__lt=ends)
    pending = Q(state=Appeal.State.PENDING)
    found = Appeal.objects.filter(made | ruled | pending).aggregate(
        received=Count("pk", filter=made),
        pending=Count("pk", filter=pending),
        upheld=Count("pk", filter=ruled & Q(state=Appeal.State.UPHELD)),
        overturned=Count("pk", filter=ruled & Q(state=Appeal.State.OVERTURNED)),
    )
    return {**found, "overturned_rate": share(found["overturned"], found["upheld"] + found["overturned"])}


def report_rate(period: Period) -> dict[str, Any]:
    """Reports received, and how many came on 1,000 views, over the days of which somebody told the views."""
    by_day = dict(
        _within(Report.objects.all(), "created_at", period)
        .order_by()
        .values_list(TruncDate("created_at"))
        .annotate(Count("pk"))
    )
    days = PageViews.objects.filter(day__range=(period.first, period.last))
    views: dict[date, int] = dict(days.values_list("day", "views"))
    seen = sum(views.values())
    on_those = sum(by_day.get(day, 0) for day in views)
    return {
        "received": sum(by_day.values()),
        "views": seen if views else None,
        "per_1000_views": share(1_000 * on_those, seen),
    }


def share(part: int, whole: int) -> float | None:
    """A ratio to four decimals; None of nothing."""
    return float((Decimal(part) / whole).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)) if whole else None


def _taken(period: Period) -> QuerySet[Decision]:
    taken = Decision.objects.exclude(action__in=[Action.UNDO, Action.OVERTURN])
    return _within(taken.exclude(superseded_by__action=Action.UNDO), "created_at", period)


def _within(rows: QuerySet[Any], name: str, period: Period) -> QuerySet[Any]:
    begins, ends = _bounds(period)
    return rows.filter(**{f"{name}__gte": begins, f"{name}__lt": ends})


def _bounds(period: Period) -> tuple[datetime, datetime]:
    """The moments at which the period begins and is over, where the marketplace is."""
    return start_of(period.first), start_of(period.last + timedelta(days=1))


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())
