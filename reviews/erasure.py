"""What reviews take away of a person: their texts and pictures, where these came from, their stars, their votes.

What they wrote in a vendor's name is the vendor's and stays; the author of its revisions
means nobody then. What a vendor replied to their reviews speaks to them, and goes.
Locks: review by id → its reply → rating by product; vote → shard, both by review.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from reviews.fingerprints import forget_fingerprints
from reviews.models import (
    ModelOpinion,
    ReplyRevision,
    Review,
    ReviewFingerprint,
    ReviewPhoto,
    ReviewRevision,
    Screening,
    VendorReply,
)
from reviews.ratings import rating_follows
from reviews.services import standing
from reviews.services.photos import delete_photos_of
from trustengine.accounts.erasing import eraser
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.bulk import Among
from trustengine.database_time import database_now
from trustengine.jobs.services import publish

REVIEWS_PER_BATCH = 50  # each may wait for the counters of a product


@eraser("reviews.reviews", order=10, most=REVIEWS_PER_BATCH)
def take_away_reviews(user: User, limit: int) -> int:
    """Their reviews leave the public and the rating; texts and photos go, of every revision, and the stars stay behind.

    The rows stay too: others have voted on them, and moderators have decided.
    """
    of_review = Q(review=OuterRef("pk"))
    written = ~Q(title="") | ~Q(comment="")
    traced = written | ~Q(ip_hash="") | ~Q(agent_hash="") | Q(state=ReviewRevision.State.PENDING)
    left = Review.objects.filter(
        Q(deleted_at=None)
        | written
        | Exists(ReviewRevision.objects.filter(of_review, traced))
        | Exists(ReviewPhoto.objects.filter(of_review))
        | Exists(ReviewFingerprint.objects.filter(of_review))
        | Exists(VendorReply.objects.filter(of_review).filter(_unforgotten())),
        author=user,
    )
    some = left.select_for_update(of=("self",), no_key=True).order_by("pk")
    reviews = list(some[:limit])
    ids = [review.pk for review in reviews]
    _forget_revisions(ids)
    forget_fingerprints(ids)
    _forget_replies(ids)
    for review_id in ids:
        delete_photos_of(review_id)
    # All are locked; their products' counters come in the one order that keeps two erasures from deadlock.
    for review in sorted(reviews, key=lambda review: review.product_id):
        _forget(review)
    return len(reviews)


@eraser("reviews.votes", order=20)
def take_back_votes(user: User, limit: int) -> int:
    """Delete votes, and count down those that count."""
    return standing.take_back_votes(user.pk, batch=limit)


def _forget_revisions(reviews: Sequence[UUID]) -> None:
    revisions = ReviewRevision.objects.filter(Among("review", reviews))
    revisions.update(title="", comment="", ip_hash="", agent_hash="")
    revisions.filter(state=ReviewRevision.State.PENDING).update(
        state=ReviewRevision.State.SUPERSEDED, decided_at=database_now()
    )
    # What was found in a text quotes it, and a digest tells a short one.
    ModelOpinion.objects.filter(Among("revision__review", reviews)).delete()
    Screening.objects.filter(Among("revision__review", reviews)).update(signals=[])


def _unforgotten() -> Q:
    worded = ReplyRevision.objects.filter(reply=OuterRef("pk")).exclude(text="")
    return Q(deleted_at=None) | ~Q(text="") | Q(Exists(worded))


def _forget_replies(reviews: Sequence[UUID]) -> None:
    """Vendors' replies to these reviews, which nobody sees any more: they address whom they speak to."""
    replies = VendorReply.objects.filter(_unforgotten(), Among("review", reviews)).select_related("review")
    for reply in replies.select_for_update(of=("self",), no_key=True).order_by("review"):
        revisions = reply.revisions.all()
        revisions.update(text="", signals=[])
        revisions.filter(state=ReplyRevision.State.PENDING).update(
            state=ReplyRevision.State.SUPERSEDED, decided_at=database_now()
        )
        was_live = reply.deleted_at is None
        reply.text, reply.deleted_at = "", reply.deleted_at or database_now()
        reply.save(update_fields=["text", "deleted_at", "updated_at"])
        before = {"deleted_at": None} if was_live else {}
        record("reply.erased", reply, before=before, after={"deleted_at": reply.deleted_at})
        if was_live:
            about = {"review_id": reply.review_id, "product_id": reply.review.product_id}
            publish("reviews.reply_withdrawn", reply_id=reply.pk, **about)


def _forget(review: Review) -> None:
    was_live = review.deleted_at is None
    with rating_follows(review):
        review.title = review.comment = ""
        review.import_digest = None
        review.deleted_at = review.deleted_at or database_now()
        review.save(update_fields=["title", "comment", "import_digest", "deleted_at", "updated_at"])
        before = {"deleted_at": None} if was_live else {}
        record("review.erased", review, before=before, after={"deleted_at": review.deleted_at})
        if was_live:
            publish("reviews.review_withdrawn", review_id=review.pk, product_id=review.product_id)
