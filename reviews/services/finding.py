"""Getting hold of a review: with a lock for writing, or as somebody may see it."""

from uuid import UUID

from reviews.errors import ReviewDeleted, ReviewNotFound
from reviews.models import Review
from trustengine.accounts.models import User


def lock_review(review_id: UUID) -> Review:
    """A live review, locked for this transaction. Raises ReviewNotFound, ReviewDeleted."""
    review = Review.objects.select_for_update(of=("self",), no_key=True).filter(pk=review_id).first()
    return _live(review)


def find_review(review_id: UUID, *, viewer: User | None) -> Review:
    """A review as somebody may see it. Raises ReviewNotFound, ReviewDeleted."""
    review = _live(Review.objects.select_related("product", "author__customer_profile").filter(pk=review_id).first())
    if not is_visible(review, viewer):
        raise ReviewNotFound
    return review


def is_visible(review: Review, viewer: User | None) -> bool:
    """The same as ``Review.objects.visible_to``, of a row in memory."""
    if review.is_public:
        return True
    if viewer is None or not viewer.is_authenticated:
        return False
    return review.author_id == viewer.pk or viewer.has_perm("reviews.moderate_review")


def _live(review: Review | None) -> Review:
    if review is None:
        raise ReviewNotFound
    if review.deleted_at is not None:
        raise ReviewDeleted
    return review
