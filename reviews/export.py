"""What reviews hold about a person: what they wrote, what became of it, how they voted."""

from collections.abc import Iterator

from django.db.models import Prefetch

from reviews.models import Reputation, Review, ReviewRevision, ReviewVote
from trustengine.accounts.exporting import Row, exporter, in_batches
from trustengine.accounts.models import User

REVIEW = (
    "id",
    "product_id",
    "order_item_id",
    "rating",
    "title",
    "comment",
    "status",
    "verification",
    "purchase",
    "edit_count",
    "is_hidden",
    "restricted_at",
    "quarantined_at",
    "purchase_refunded_at",
    "deleted_at",
    "moderated_at",
    "helpful_votes",
    "unhelpful_votes",
    "created_at",
    "updated_at",
)
REVISION = ("number", "rating", "title", "comment", "state", "created_at", "decided_at")
STANDING = ("score", "consecutive_approved", "approved", "rejected", "formula_version", "computed_at")


@exporter("reviews.reviews", "reviews.Review", "reviews.ReviewRevision", "reviews.Screening")
def reviews(user: User) -> Iterator[Row]:
    """With every revision and what was decided about it; not by whom."""
    revisions = Prefetch("revisions", ReviewRevision.objects.select_related("screening").order_by("number"))
    for review in in_batches(Review.objects.filter(author=user).prefetch_related(revisions)):
        yield _members(review, REVIEW) | {"revisions": [_revision(each) for each in review.revisions.all()]}


@exporter("reviews.votes", "reviews.ReviewVote")
def votes(user: User) -> Iterator[Row]:
    rows = ReviewVote.objects.filter(user_id=user.pk)
    yield from in_batches(rows.values("review_id", "helpful", "previous", "created_at", "updated_at"), key="review_id")


@exporter("reviews.reputation", "reviews.Reputation")
def standing(user: User) -> Iterator[Row]:
    yield from Reputation.objects.filter(user=user).values(*STANDING)


def _revision(revision: ReviewRevision) -> Row:
    screening = getattr(revision, "screening", None)
    found = screening and {"verdict": screening.verdict, "signals": [signal["name"] for signal in screening.signals]}
    return _members(revision, REVISION) | {"screening": found}


def _members(row: object, names: tuple[str, ...]) -> Row:
    return {name: getattr(row, name) for name in names}
