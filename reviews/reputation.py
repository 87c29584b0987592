"""A user's reputation as an author, 0 to 100: a sum of bounded parts, each from facts that can be counted again.

Formula, version 2. Everybody starts at 50. Then, rounded to whole points:

    approved      +2 for each approved text, at most +18
    rejected      −12 for each rejected text, at most −48
    helpfulness   +6 · W(helpful, votes) − 6 · W(unhelpful, votes), on their approved reviews
    refunds       −15 · W(approved reviews whose purchase was refunded, approved reviews)
    strikes       −20 for each active strike, at most −60
    reports       +4 · W(upheld, decided) − 8 · W(dismissed, decided), of the reports they made
    age           +20 in twelve steps of 30 days since they joined, or since their first review

W(k, n) is the lower 95 % bound of k / n (Wilson), so that a few votes say little and many
say much. What can be had in days (50 + 18 + 6 + 4) stays under the 80 from which screening
trusts an author: the rest is time. Users of whom nothing was decided have no row, and 50.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, Subquery, Sum

from reviews.expressions import Z_95
from reviews.models import Reputation, Review, ReviewRevision, Strike
from reviews.models.reputation import START
from trustengine.accounts.models import User
from trustengine.bulk import Among
from trustengine.database_time import database_now
from trustengine.jobs.registry import handler_of

FORMULA_VERSION = 2
AGE_STEP, AGE_STEPS = timedelta(days=30), 12

State = ReviewRevision.State
ReportRecord = Callable[[Sequence[UUID]], Mapping[UUID, tuple[int, int]]]

_report_records: list[ReportRecord] = []


@dataclass(frozen=True)
class Facts:
    """All that the formula reads about one user."""

    approved: int = 0
    rejected: int = 0
    consecutive_approved: int = 0
    helpful: int = 0
    unhelpful: int = 0
    approved_reviews: int = 0
    refunded_reviews: int = 0
    strikes: int = 0
    reports_upheld: int = 0
    reports_dismissed: int = 0
    age_days: int = 0


@dataclass(frozen=True)
class Standing:
    """A user's score, the counts that others ask for, and what each part of the formula gave."""

    score: int = START
    consecutive_approved: int = 0
    warnings_count: int = 0
    approved: int = 0
    rejected: int = 0
    formula_version: int = FORMULA_VERSION
    parts: dict[str, dict[str, int]] = field(default_factory=dict)


def report_record(source: ReportRecord) -> ReportRecord:
    """Register who knows how many of some users' reports were upheld and dismissed.

    Whoever does enqueues ``recompute_reputation`` for the user when that changes.
    """
    _report_records.append(source)
    return source


def parts(facts: Facts) -> dict[str, dict[str, int]]:
    """The formula itself: for each part its points and the facts that they follow from."""
    votes = facts.helpful + facts.unhelpful
    reports = facts.reports_upheld + facts.reports_dismissed
    steps = min(facts.age_days // AGE_STEP.days, AGE_STEPS)
    liked = 6 * lower_bound(facts.helpful, votes) - 6 * lower_bound(facts.unhelpful, votes)
    heeded = 4 * lower_bound(facts.reports_upheld, reports) - 8 * lower_bound(facts.reports_dismissed, reports)
    refunds = -15 * lower_bound(facts.refunded_reviews, facts.approved_reviews)
    return {
        "approved": {"points": min(2 * facts.approved, 18), "approved": facts.approved},
        "rejected": {"points": -min(12 * facts.rejected, 48), "rejected": facts.rejected},
        "helpfulness": {"points": round(liked), "helpful": facts.helpful, "unhelpful": facts.unhelpful},
        "refunds": {"points": round(refunds), "refunded": facts.refunded_reviews, "of": facts.approved_reviews},
        "strikes": {"points": -min(20 * facts.strikes, 60), "active": facts.strikes},
        "reports": {"points": round(heeded), "upheld": facts.reports_upheld, "dismissed": facts.reports_dismissed},
        "age": {"points": 20 * steps // AGE_STEPS, "months": steps},
    }


def lower_bound(successes: int, trials: int) -> float:
    """The lower 95 % bound of successes / trials, by Wilson's score interval; 0 without a trial."""
    if not trials:
        return 0.0
    share, z2 = successes / trials, Z_95 * Z_95
    spread = Z_95 * (share * (1 - share) / trials + z2 / (4 * trials * trials)) ** 0.5
    return max(0.0, (share + z2 / (2 * trials) - spread) / (1 + z2 / trials))


def standing(facts: Facts) -> Standing:
    """What follows from the facts."""
    given = parts(facts)
    return Standing(
        score=max(0, min(100, START + sum(part["points"] for part in given.values()))),
        consecutive_approved=facts.consecutive_approved,
        warnings_count=facts.strikes,
        approved=facts.approved,
        rejected=facts.rejected,
        parts=given,
    )


def standing_of(user_id: UUID) -> Standing:
    """A user's standing at this moment, or the start: for decisions, which cannot wait for ``recompute``."""
    return derive([user_id]).get(user_id, Standing())


def derive(users: Sequence[UUID], *, at: Mapping[UUID, datetime] | None = None) -> dict[UUID, Standing]:
    """The standing of each of these users, by what is known now; those of whom nothing was decided are left out.

    ``at`` names moments other than the present at which age and strikes are looked at.
    """
    now, moments = database_now(), at or {}
    decided, struck = _decisions(users), _strikes(users)
    known = sorted(decided.keys() | struck.keys())
    reviews, records = _reviews(known), _records(known)
    joined = dict(User.objects.filter(Among("pk", known)).values_list("pk", "date_joined"))
    found = {}
    for user in known:
        moment = moments.get(user, now)
        counts = dict(reviews.get(user, {}))
        since = min(filter(None, [joined.get(user), counts.pop("first", None)]), default=moment)
        upheld, dismissed = records.get(user, (0, 0))
        facts = Facts(
            **decided.get(user, {}),
            **counts,
            strikes=sum(given <= moment < expires for given, expires in struck.get(user, [])),
            reports_upheld=upheld,
            reports_dismissed=dismissed,
            age_days=max(0, (moment - since).days),
        )
        found[user] = standing(facts)
    return found


def _decisions(users: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Decided texts per author. In a row: approved since the last rejection, by the time of the decision."""
    decided = ReviewRevision.objects.filter(state__in=[State.APPROVED, State.REJECTED])
    last_rejection = (
        decided.filter(review__author_id=OuterRef("author"), state=State.REJECTED)
        .order_by()
        .values("review__author_id")
        .annotate(last=Max("decided_at"))
        .values("last")
    )
    since = Q(last_rejection=None) | Q(decided_at__gt=F("last_rejection"))
    rows: Any = (
        decided.filter(Among("review__author", users))
        .order_by()
        .annotate(author=F("review__author_id"), last_rejection=Subquery(last_rejection))
        .values("author")
        .annotate(
            approved=Count("pk", filter=Q(state=State.APPROVED)),
            rejected=Count("pk", filter=Q(state=State.REJECTED)),
            consecutive_approved=Count("pk", filter=Q(state=State.APPROVED) & since),
        )
    )
    return {row.pop("author"): row for row in rows}


def _reviews(users: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """Votes on and refunds of what was approved, withdrawn since or not: withdrawing mends no record."""
    approved = Q(status=Review.Status.APPROVED)
    rows: Any = (
        Review.objects.filter(Among("author", users))
        .order_by()
        .values("author_id")
        .annotate(
            helpful=Sum("helpful_votes", filter=approved, default=0),
            unhelpful=Sum("unhelpful_votes", filter=approved, default=0),
            approved_reviews=Count("pk", filter=approved),
            refunded_reviews=Count("pk", filter=approved & Q(purchase_refunded_at__isnull=False)),
            first=Min("created_at"),
        )
    )
    return {row.pop("author_id"): row for row in rows}


def _strikes(users: Sequence[UUID]) -> dict[UUID, list[tuple[datetime, datetime]]]:
    """When each strike that was not revoked begins and ends; an empty list where all were."""
    found: dict[UUID, list[tuple[datetime, datetime]]] = {}
    strikes = Strike.objects.filter(Among("user", users))
    for user, given, expires, revoked in strikes.values_list("user", "given_at", "expires_at", "revoked_at"):
        found.setdefault(user, []).extend([] if revoked else [(given, expires)])
    return found


def _records(users: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    found: dict[UUID, tuple[int, int]] = {}
    for source in _report_records:
        for user, (upheld, dismissed) in source(users).items():
            before = found.get(user, (0, 0))
            found[user] = before[0] + upheld, before[1] + dismissed
    return found


def lock(users: Sequence[UUID]) -> None:
    """Take turns with the jobs that compute these users' reputations, until commit. ``users`` is sorted."""
    from reviews.jobs import recompute_reputation

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name",
            [[f"{handler_of(recompute_reputation).kind}:{user}" for user in users]],
        )


def recompute(*users: UUID) -> None:
    """Store the derived standing of these users, and drop the rows of those of whom nothing is decided."""
    now = database_now()
    standings = derive(users, at=dict.fromkeys(users, now))
    rows = [Reputation(user_id=user, computed_at=now, **vars(standings[user])) for user in sorted(standings)]
    fields = [*vars(Standing()), "computed_at"]
    Reputation.objects.bulk_create(rows, update_conflicts=True, unique_fields=["user"], update_fields=fields)
    Reputation.objects.filter(user__in=[user for user in users if user not in standings]).delete()


def overdue(*, batch: int) -> Iterator[list[UUID]]:
    """Users whose stored reputation time has overtaken: a strike has run out, or they may be a step older."""
    now = database_now()
    expired = Strike.objects.filter(
        user=OuterRef("user"), revoked_at=None, expires_at__gt=OuterRef("computed_at"), expires_at__lte=now
    )
    growing = Q(computed_at__lt=now - AGE_STEP / 4, user__date_joined__gt=now - (AGE_STEPS + 2) * AGE_STEP)
    rows = Reputation.objects.filter(growing | Exists(expired)).order_by("user")
    page = list(rows.values_list("user", flat=True)[:batch])
    while page:
        yield page
        page = list(rows.filter(user__gt=page[-1]).values_list("user", flat=True)[:batch])
