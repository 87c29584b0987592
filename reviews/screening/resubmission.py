"""What an author said of a product before, withdrawn or not: writing anew does not launder it."""

import re
from collections.abc import Iterator

from django.db.models import QuerySet

from reviews.models import Review, ReviewPhoto, ReviewRevision
from reviews.screening.signals import Signal

BLANK = re.compile(r"\s+")

State = ReviewRevision.State


def published_before(review: Review) -> str | None:
    """The text that this author last had approved on this product; None without any.

    Of an approved review its own, else that of the latest that was withdrawn: writing
    anew is held against it as an edit would be.
    """
    if review.status == Review.Status.APPROVED:
        return f"{review.title}\n{review.comment}"
    earlier = _revisions(review).exclude(review=review).filter(state=State.APPROVED)
    latest = earlier.order_by("-decided_at", "-pk").first()
    return f"{latest.title}\n{latest.comment}" if latest else None


def check_record(review: Review, revision: ReviewRevision) -> Iterator[Signal]:
    """Signals ``rejected_before`` and ``photo``: what no check of a text alone can tell."""
    if was_rejected_before(review, revision):
        yield Signal("rejected_before", 0.9, "A moderator has refused this very text of the author's before.")
    if review.photos.filter(state=ReviewPhoto.State.PENDING).exists():
        yield Signal("photo", 0.1, "There are photos that nobody has looked at.")


def was_rejected_before(review: Review, revision: ReviewRevision) -> bool:
    """Whether a moderator has refused this very text already, in any case and spacing. Stars alone are no text."""
    text = _folded(revision)
    rejected = _revisions(review).filter(state=State.REJECTED).exclude(pk=revision.pk)
    return bool(text) and any(_folded(each) == text for each in rejected)


def _revisions(review: Review) -> QuerySet[ReviewRevision]:
    return ReviewRevision.objects.filter(review__author=review.author_id, review__product=review.product_id)


def _folded(revision: ReviewRevision) -> str:
    return BLANK.sub(" ", f"{revision.title} {revision.comment}").strip().casefold()
