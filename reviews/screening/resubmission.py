"""What an author said of a product before, withdrawn or not: writing anew does not launder it."""

import re
from collections.abc import Iterator

from django.db.models import Q, QuerySet

from reviews.models import Review, ReviewPhoto, ReviewRevision
from reviews.screening.catalogue import found
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
    """Signals ``rejected_before``, ``taken_down_before`` and ``photo``: what no check of a text alone can tell."""
    if was_rejected_before(review, revision):
        yield found("rejected_before", "A moderator has refused this very text of the author's before.")
    if was_taken_down_before(review):
        yield found("taken_down_before", "An earlier review of it by this author was hidden, removed or restricted.")
    if review.photos.filter(state=ReviewPhoto.State.PENDING).exists():
        yield found("photo", "There are photos that nobody has looked at.")


def was_rejected_before(review: Review, revision: ReviewRevision) -> bool:
    """Whether a moderator has refused this very text already, in any case and spacing. Stars alone are no text."""
    text = _folded(revision)
    rejected = _revisions(review).filter(state=State.REJECTED).exclude(pk=revision.pk)
    return bool(text) and any(_folded(each) == text for each in rejected)


def was_taken_down_before(review: Review) -> bool:
    """Whether a review that this author withdrew from the product had been hidden, removed or restricted."""
    earlier = Review.objects.filter(author=review.author_id, product=review.product_id).exclude(pk=review.pk)
    taken_down = Q(is_hidden=True) | Q(removed_at__isnull=False) | Q(restricted_at__isnull=False)
    return earlier.filter(taken_down).exists()


def _revisions(review: Review) -> QuerySet[ReviewRevision]:
    return ReviewRevision.objects.filter(review__author=review.author_id, review__product=review.product_id)


def _folded(revision: ReviewRevision) -> str:
    return BLANK.sub(" ", f"{revision.title} {revision.comment}").strip().casefold()
