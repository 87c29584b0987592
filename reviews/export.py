"""What reviews hold about a person: what they wrote, what became of it, how they voted."""

from collections.abc import Iterator

from django.db.models import Prefetch

from reviews.models import (
    ReplyRevision,
    Reputation,
    Restriction,
    Review,
    ReviewPhoto,
    ReviewRevision,
    ReviewVote,
    Screening,
    Strike,
)
from reviews.shown_beside import own_photos
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
    "edited_at",
    "is_hidden",
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
RESTRICTION = ("ground", "sentence", "imposed_at", "expires_at", "lifted_at")
OPINION = ("state", "model", "flagged", "categories", "scores", "ended_at")
STRIKE = ("id", "reason", "given_at", "expires_at", "revoked_at")
REPLY = ("id", "reply_id", "number", "text", "state", "created_at", "decided_at")
STANDING = ("score", "consecutive_approved", "approved", "rejected", "formula_version", "computed_at")


@exporter(
    "reviews.reviews",
    "reviews.Review",
    "reviews.ReviewRevision",
    "reviews.Screening",
    "reviews.ModelOpinion",
    "reviews.ReviewPhoto",
    "reviews.Restriction",
)
def reviews(user: User) -> Iterator[Row]:
    """With every revision and what was decided about it; not by whom.

    A restriction that is excepted from notice (Digital Services Act, article 17(2)) is not
    told here either, nor is the verdict of the rule that imposed it.
    """
    related = (
        Prefetch("revisions", ReviewRevision.objects.select_related("screening", "opinion").order_by("number")),
        Prefetch("restrictions", Restriction.objects.order_by("imposed_at", "pk")),
        Prefetch("photos", ReviewPhoto.objects.order_by("created_at", "pk")),
    )
    for review in in_batches(Review.objects.filter(author=user).prefetch_related(*related)):
        restrictions = review.restrictions.all()
        is_secret = any(not restriction.is_notified for restriction in restrictions)
        yield _members(review, REVIEW) | {
            "restrictions": [_members(each, RESTRICTION) for each in restrictions if each.is_notified],
            "photos": own_photos(review),
            "revisions": [_revision(each, is_secret) for each in review.revisions.all()],
        }


@exporter("reviews.replies", "reviews.ReplyRevision")
def replies(user: User) -> Iterator[Row]:
    """What they wrote in the name of vendors; the replies themselves are the vendors'."""
    for revision in in_batches(ReplyRevision.objects.filter(author=user).select_related("reply")):
        yield _members(revision, REPLY) | {"review_id": revision.reply.review_id}


@exporter("reviews.strikes", "reviews.Strike")
def strikes(user: User) -> Iterator[Row]:
    yield from in_batches(Strike.objects.filter(user=user).values(*STRIKE))


@exporter("reviews.votes", "reviews.ReviewVote")
def votes(user: User) -> Iterator[Row]:
    rows = ReviewVote.objects.filter(user_id=user.pk)
    yield from in_batches(rows.values("review_id", "helpful", "previous", "created_at", "updated_at"), key="review_id")


@exporter("reviews.reputation", "reviews.Reputation")
def standing(user: User) -> Iterator[Row]:
    yield from Reputation.objects.filter(user=user).values(*STANDING)


def _revision(revision: ReviewRevision, is_secret: bool) -> Row:
    screening = getattr(revision, "screening", None)
    if is_secret and screening is not None and screening.verdict == Screening.Verdict.RESTRICT:
        screening = None
    found = screening and {"verdict": screening.verdict, "signals": [signal["name"] for signal in screening.signals]}
    opinion = getattr(revision, "opinion", None)
    told = _members(opinion, OPINION) if opinion is not None else None
    return _members(revision, REVISION) | {"screening": found, "model_opinion": told}


def _members(row: object, names: tuple[str, ...]) -> Row:
    return {name: getattr(row, name) for name in names}
