"""What waits for a moderator, oldest first."""

from datetime import datetime
from typing import Any, cast

from django.db.models import F, Prefetch, QuerySet

from reviews.models import Review, ReviewRevision


def waiting() -> QuerySet[Any]:
    """Reviews with a decision to take, each with ``waiting_since``: when its pending text was written."""
    return Review.objects.pending().annotate(waiting_since=F("revisions__created_at"))


def with_pending_texts(reviews: QuerySet[Any]) -> QuerySet[Any]:
    """The same, with all that a row of the queue shows, in a fixed number of queries."""
    pending = ReviewRevision.objects.filter(state=ReviewRevision.State.PENDING).select_related("screening")
    return reviews.select_related("product", "author__reputation").prefetch_related(
        Prefetch("revisions", pending, to_attr="pending_revisions")
    )


def pending_revision(review: Any) -> ReviewRevision | None:
    """The text that waits, of a review from ``with_pending_texts``."""
    found = cast("list[ReviewRevision]", review.pending_revisions)
    return found[0] if found else None


def waiting_since(review: Any) -> datetime:
    return cast("datetime", review.waiting_since)


def next_waiting() -> Review | None:
    """The review that has waited longest."""
    review: Review | None = waiting().order_by("waiting_since", "pk").first()
    return review


def signals_of(revision: ReviewRevision | None) -> list[dict[str, Any]] | None:
    """What the checks found, heaviest first; None where they have not run yet."""
    screening = getattr(revision, "screening", None)
    if screening is None:
        return None
    return sorted(screening.signals, key=lambda signal: -float(signal.get("weight", 0)))
