"""Getting hold of a review: with a lock for writing, or as somebody may see it."""

from uuid import UUID

from django.db.models import Q

from orders.services.showing import require_shown
from reviews.errors import ReviewDeleted, ReviewNotFound
from reviews.models import Review, ReviewRevision
from trustengine.accounts.models import User


def lock_review(review_id: UUID) -> Review:
    """A live review, locked for this transaction. Raises ReviewNotFound, ReviewDeleted."""
    review = Review.objects.select_for_update(of=("self",), no_key=True).filter(pk=review_id).first()
    return _live(review)


def find_review(review_id: UUID, *, viewer: User | None) -> Review:
    """A review as somebody may see it. Raises ReviewNotFound, ReviewDeleted, ContentRemoved of its product."""
    review = _live(Review.objects.with_shown().select_related("product").filter(pk=review_id).first())
    if not is_visible(review, viewer):
        require_shown(review.product, not_found=ReviewNotFound)
        raise _tombstone(review) if review.removed_at else ReviewNotFound
    return review


def history_of(review_id: UUID, *, reader: User, for_moderator: bool) -> list[ReviewRevision]:
    """Every text of a review, in order; for moderators also of those that its author withdrew before it.

    Raises ReviewNotFound for whoever is neither author nor moderator; ReviewDeleted for the
    author of a withdrawn one, which moderators still read.
    """
    review = Review.objects.filter(pk=review_id).first()
    if not for_moderator:
        review = _live(review)
    if review is None or not (for_moderator or review.author_id == reader.pk):
        raise ReviewNotFound
    own = Q(review=review)
    if for_moderator:
        earlier = Q(review__author=review.author_id, review__product=review.product_id)
        own |= earlier & Q(review__created_at__lt=review.created_at, review__deleted_at__isnull=False)
    revisions = ReviewRevision.objects.filter(own)
    return list(revisions.order_by("review__created_at", "review", "number"))


def is_visible(review: Review, viewer: User | None) -> bool:
    """The same as ``Review.objects.visible_to``, of a row in memory, and its product may be read too."""
    if review.is_public and not review.product.is_moderated:
        return True
    if viewer is None or not viewer.is_authenticated:
        return False
    return review.author_id == viewer.pk or viewer.has_perm("reviews.moderate_review")


def _tombstone(review: Review) -> ReviewDeleted:
    """What is left of a review that was taken down: that it was, when, and on which ground."""
    about = {"reason": review.removal_reason, "ground": review.removal_ground, "at": review.removed_at}
    return ReviewDeleted("This review has been taken down.", removed=about)


def _live(review: Review | None) -> Review:
    if review is None:
        raise ReviewNotFound
    if review.deleted_at is not None:
        raise ReviewDeleted
    return review
