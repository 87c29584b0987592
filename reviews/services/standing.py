"""What becomes of votes with their voter, or with the review they are on. Locks: votes by key, then their shards.

Each works off a batch and says how much it did, so that a job can go on where it was interrupted.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from reviews.jobs import fold_votes
from reviews.models import ReviewVote, ReviewVoteShard
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.jobs.services import enqueue_keys

logger = structlog.get_logger(__name__)

# In the order of keys, which is that of every writer of several shards.
LOCK_VOTES = """
    SELECT review_id, shard, helpful FROM reviews_reviewvote
    WHERE user_id = %(user)s AND (%(counts)s IS NULL OR counts <> %(counts)s)
    ORDER BY review_id LIMIT %(batch)s FOR UPDATE
"""
LOCK_SHARDS = """
    SELECT FROM reviews_reviewvoteshard AS counted
    JOIN unnest(%(reviews)s::uuid[], %(shards)s::int[]) AS given (review_id, shard) USING (review_id, shard)
    ORDER BY review_id, shard FOR NO KEY UPDATE OF counted
"""
MOVE_SHARDS = """
    UPDATE reviews_reviewvoteshard AS counted
    SET helpful = counted.helpful + given.helpful, unhelpful = counted.unhelpful + given.unhelpful,
        actions = counted.actions + 1
    FROM unnest(%(reviews)s::uuid[], %(shards)s::int[], %(helpful)s::int[], %(unhelpful)s::int[])
        AS given (review_id, shard, helpful, unhelpful)
    WHERE counted.review_id = given.review_id AND counted.shard = given.shard
"""


@transaction.atomic
def follow_standing(user_id: UUID, *, batch: int) -> int:
    """Have the votes of a suspended user stop counting, or those of a reinstated one count again.

    Returns how many were turned; fewer than ``batch`` means that none is left. A vote cast
    at the same moment holds the voter's row, so that it is either seen here or refused.
    """
    should_count = User.objects.filter(pk=user_id, suspended_at=None).exists()
    votes = _locked_votes(user_id, batch, counting=should_count)
    if votes:
        reviews = [review for review, _, _ in votes]
        ReviewVote.objects.filter(user_id=user_id, review_id__in=reviews).update(counts=should_count)
        _move_shards(votes, 1 if should_count else -1)
        about = ("accounts.user", user_id)
        record("votes.counted" if should_count else "votes.discounted", about, after={"votes": len(votes)})
    return len(votes)


@transaction.atomic
def take_back_votes(user_id: UUID, *, batch: int = 500) -> int:
    """Delete votes of a user, and take them out of the counts; returns how many, 0 when none is left.

    For the erasure of an account that can no longer vote: it is inactive or suspended. To be
    called, each time in a transaction of its own, until it returns less than ``batch``.
    """
    votes = _locked_votes(user_id, batch, counting=None)
    if votes:
        reviews = [review for review, _, _ in votes]
        gone = ReviewVote.objects.filter(user_id=user_id, review_id__in=reviews)
        counted = set(gone.filter(counts=True).values_list("review_id", flat=True))
        gone.delete()
        _move_shards([vote for vote in votes if vote[0] in counted], -1)
        record("votes.taken_back", ("accounts.user", user_id), before={"votes": len(votes)})
    return len(votes)


@transaction.atomic
def remove_votes_on(review_id: UUID, *, batch: int) -> int:
    """Delete votes on a withdrawn review, and its shards with the last of them; returns how many votes."""
    some = ReviewVote.objects.filter(review_id=review_id).select_for_update().order_by("user_id")
    voters = list(some.values_list("user_id", flat=True)[:batch])
    ReviewVote.objects.filter(review_id=review_id, user_id__in=voters).delete()
    if len(voters) < batch:
        ReviewVoteShard.objects.filter(review_id=review_id).delete()
    if voters:
        record("review.votes_removed", ("reviews.review", review_id), before={"votes": len(voters)})
    return len(voters)


@transaction.atomic
def forget_origins(*, before: datetime, batch: int) -> int:
    """Blank the hashes of where votes of before a moment came from; returns how many there were."""
    with_origin = ReviewVote.objects.exclude(ip_hash="", agent_hash="").filter(updated_at__lt=before)
    chosen = list(with_origin.order_by("updated_at").values_list("review_id", "user_id")[:batch])
    if chosen:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE reviews_reviewvote AS vote SET ip_hash = '', agent_hash = ''
                FROM (
                    SELECT review_id, user_id FROM reviews_reviewvote AS stored
                    JOIN unnest(%s::uuid[], %s::uuid[]) AS given (review_id, user_id) USING (review_id, user_id)
                    WHERE stored.updated_at < %s ORDER BY review_id, user_id FOR NO KEY UPDATE OF stored
                ) AS old
                WHERE vote.review_id = old.review_id AND vote.user_id = old.user_id
                """,
                [*map(list, zip(*chosen, strict=True)), before],
            )
    return len(chosen)


def _locked_votes(user_id: UUID, batch: int, *, counting: bool | None) -> list[tuple[UUID, int, bool]]:
    """Votes of a user that do not count as they should, or with None all of them: review, shard, helpful."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_VOTES, {"user": user_id, "counts": counting, "batch": batch})
        return cursor.fetchall()


def _move_shards(votes: Sequence[tuple[UUID, int, bool]], step: int) -> None:
    """Put these votes into their shards, or take them out, and have the reviews folded."""
    if not votes:
        return
    arrays: dict[str, Any] = {
        "reviews": [review for review, _, _ in votes],
        "shards": [shard for _, shard, _ in votes],
        "helpful": [step * helpful for _, _, helpful in votes],
        "unhelpful": [step * (not helpful) for _, _, helpful in votes],
    }
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SHARDS, arrays)
        cursor.execute(MOVE_SHARDS, arrays)
        if cursor.rowcount != len(votes):
            # The votes are the facts; ``reconcile votes`` rebuilds what is missing.
            logger.error("vote_shard_missing", votes=len(votes), shards=cursor.rowcount)
    enqueue_keys(fold_votes, arrays["reviews"])
