"""An author's reputation, 0 to 100, from their decided revisions.

Formula, version 1: start at 50; each approved revision adds 4, up to 40 in all; each
rejected one takes 15 away. Authors without a decision have no row, and 50.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from django.db.models import Count, F, Max, OuterRef, Q, Subquery
from django.utils import timezone

from reviews.models import Reputation, ReviewRevision
from reviews.models.reputation import START

FORMULA_VERSION = 1
GAIN, MOST_GAIN, LOSS = 4, 40, 15

State = ReviewRevision.State


@dataclass(frozen=True)
class Standing:
    """An author's score and the counts that it follows from."""

    score: int = START
    consecutive_approved: int = 0
    approved: int = 0
    rejected: int = 0
    formula_version: int = FORMULA_VERSION


def score(*, approved: int, rejected: int) -> int:
    """The formula itself."""
    return max(0, min(100, START + min(GAIN * approved, MOST_GAIN) - LOSS * rejected))


def standing_of(user_id: UUID) -> Standing:
    """An author's standing at this moment, or the start: for decisions, which cannot wait for ``recompute``."""
    return derive([user_id]).get(user_id, Standing())


def derive(users: Sequence[UUID]) -> dict[UUID, Standing]:
    """The standing of each of these authors, from the decided revisions; those without any are left out.

    In a row: approved since the last rejection, by the time of the decision.
    """
    decided = ReviewRevision.objects.filter(state__in=[State.APPROVED, State.REJECTED])
    author = F("review__author_id")
    last_rejection = (
        decided.filter(review__author_id=OuterRef("author"), state=State.REJECTED)
        .order_by()
        .values("review__author_id")
        .annotate(last=Max("decided_at"))
        .values("last")
    )
    since = Q(last_rejection=None) | Q(decided_at__gt=F("last_rejection"))
    rows = (
        decided.filter(review__author_id__in=users)
        .order_by()
        .annotate(author=author, last_rejection=Subquery(last_rejection))
        .values("author")
        .annotate(
            approved=Count("pk", filter=Q(state=State.APPROVED)),
            rejected=Count("pk", filter=Q(state=State.REJECTED)),
            in_a_row=Count("pk", filter=Q(state=State.APPROVED) & since),
        )
    )
    return {
        row["author"]: Standing(
            score=score(approved=row["approved"], rejected=row["rejected"]),
            consecutive_approved=row["in_a_row"],
            approved=row["approved"],
            rejected=row["rejected"],
        )
        for row in rows
    }


def recompute(*users: UUID) -> None:
    """Store the derived standing of these authors, and drop the rows of those without a decision."""
    standings = derive(users)
    now = timezone.now()
    rows = [Reputation(user_id=user, computed_at=now, **asdict(standings[user])) for user in sorted(standings)]
    fields = ["score", "consecutive_approved", "approved", "rejected", "formula_version", "computed_at"]
    Reputation.objects.bulk_create(rows, update_conflicts=True, unique_fields=["user"], update_fields=fields)
    Reputation.objects.filter(user__in=[user for user in users if user not in standings]).delete()
