"""Adding a text to what an author has said: the one that waits gives way to it."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Max

from reviews.models import Review, ReviewRevision
from trustengine.database_time import database_now

CONTENT = ("rating", "title", "comment")


def wanted(review: Review) -> Review | ReviewRevision:
    """What the author wants to say at present: the edit that waits, else what the review says."""
    return review.revisions.filter(state=ReviewRevision.State.PENDING).first() or review


def supersede_pending(review: Review) -> None:
    """Whatever waits in a locked review waits no longer: the author has taken it back."""
    review.revisions.filter(state=ReviewRevision.State.PENDING).update(
        state=ReviewRevision.State.SUPERSEDED, decided_at=database_now()
    )


def add_revision(review: Review, content: Mapping[str, Any]) -> ReviewRevision:
    """Let this content wait in a locked review. Nothing that is public changes; the rest does at once."""
    supersede_pending(review)
    number = (review.revisions.aggregate(last=Max("number"))["last"] or 0) + 1
    revision = ReviewRevision.objects.create(review=review, number=number, **content)
    if review.status != Review.Status.APPROVED:
        for name in CONTENT:
            setattr(review, name, content[name])
        review.status = Review.Status.PENDING
    return revision
