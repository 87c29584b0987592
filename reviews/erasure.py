"""What reviews take away of a person: their texts, their stars, their votes.

Locks: review by id → rating by product; vote → shard, both by review.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from reviews.jobs import fold_votes
from reviews.models import Review, ReviewRevision, Screening
from reviews.ratings import rating_follows
from trustengine.accounts.erasing import eraser
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.bulk import Among
from trustengine.jobs.services import enqueue_keys, publish

logger = structlog.get_logger(__name__)

REVIEWS_PER_BATCH = 50  # each may wait for the counters of a product

TAKE_VOTES = """
    WITH batch AS (
        SELECT review_id, user_id FROM reviews_reviewvote WHERE user_id = %s ORDER BY review_id LIMIT %s FOR UPDATE
    )
    DELETE FROM reviews_reviewvote AS vote USING batch
    WHERE vote.review_id = batch.review_id AND vote.user_id = batch.user_id
    RETURNING vote.review_id, vote.shard, vote.helpful
"""
LOCK_SHARDS = """
    SELECT 1 FROM reviews_reviewvoteshard AS stored
    JOIN unnest(%(reviews)s::uuid[], %(shards)s::int[]) AS gone (review_id, shard) USING (review_id, shard)
    ORDER BY stored.review_id, stored.shard FOR NO KEY UPDATE OF stored
"""
COUNT_DOWN = """
    UPDATE reviews_reviewvoteshard AS stored
    SET helpful = stored.helpful - gone.helpful, unhelpful = stored.unhelpful - gone.unhelpful
    FROM unnest(%(reviews)s::uuid[], %(shards)s::int[], %(helpful)s::int[], %(unhelpful)s::int[])
        AS gone (review_id, shard, helpful, unhelpful)
    WHERE stored.review_id = gone.review_id AND stored.shard = gone.shard
"""


@eraser("reviews.reviews", order=10, most=REVIEWS_PER_BATCH)
def take_away_reviews(user: User, limit: int) -> int:
    """Their reviews leave the public and the rating; title and comment go from every revision, the stars stay behind.

    The rows stay too: others have voted on them, and moderators have decided.
    """
    written = ~Q(title="") | ~Q(comment="")
    texts = ReviewRevision.objects.filter(written, review=OuterRef("pk"))
    waiting = ReviewRevision.objects.filter(review=OuterRef("pk"), state=ReviewRevision.State.PENDING)
    left = Review.objects.filter(Q(deleted_at=None) | written | Exists(texts) | Exists(waiting), author=user)
    some = left.select_for_update(of=("self",), no_key=True).order_by("pk")
    reviews = list(some[:limit])
    _forget_revisions([review.pk for review in reviews])
    # All are locked; their products' counters come in the one order that keeps two erasures from deadlock.
    for review in sorted(reviews, key=lambda review: review.product_id):
        _forget(review)
    return len(reviews)


@eraser("reviews.votes", order=20)
def take_back_votes(user: User, limit: int) -> int:
    """Delete votes and count them down in their shards, both in one order, and have the totals folded."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_VOTES, [user.pk, limit])
        taken: list[tuple[UUID, int, bool]] = sorted(cursor.fetchall())
        if not taken:
            return 0
        reviews, shards, helpful = (list(column) for column in zip(*taken, strict=True))
        gone: dict[str, Any] = {"reviews": reviews, "shards": shards}
        cursor.execute(LOCK_SHARDS, gone)
        gone |= {"helpful": [int(vote) for vote in helpful], "unhelpful": [int(not vote) for vote in helpful]}
        cursor.execute(COUNT_DOWN, gone)
        if cursor.rowcount != len(taken):
            logger.error("vote_shard_missing", votes=len(taken), shards=cursor.rowcount)
    record("votes.taken_back", user, after={"votes": len(taken)})
    enqueue_keys(fold_votes, reviews, priority=7)
    return len(taken)


def _forget_revisions(reviews: Sequence[UUID]) -> None:
    revisions = ReviewRevision.objects.filter(Among("review", reviews))
    revisions.update(title="", comment="")
    revisions.filter(state=ReviewRevision.State.PENDING).update(
        state=ReviewRevision.State.SUPERSEDED, decided_at=timezone.now()
    )
    # What was found in a text quotes it.
    Screening.objects.filter(Among("revision__review", reviews)).update(signals=[])


def _forget(review: Review) -> None:
    was_live = review.deleted_at is None
    with rating_follows(review):
        review.title = review.comment = ""
        review.import_digest = None
        review.deleted_at = review.deleted_at or timezone.now()
        review.save(update_fields=["title", "comment", "import_digest", "deleted_at", "updated_at"])
        before = {"deleted_at": None} if was_live else {}
        record("review.erased", review, before=before, after={"deleted_at": review.deleted_at})
        if was_live:
            publish("reviews.review_withdrawn", review_id=review.pk, product_id=review.product_id)
