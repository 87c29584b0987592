"""Votes: one row per user and review, counted in one of 64 shards, folded into the review by a job.

The transaction never touches the review's own row, which may be viral. The vote's row is
upserted in one statement that returns what it replaced, so that parallel votes of one
user take turns and each delta is right.
"""

from dataclasses import dataclass
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import F, Sum

from orders.errors import ProductInactive
from reviews.errors import (
    ConflictOfInterest,
    InvalidVoteType,
    ReviewDeleted,
    ReviewNotApproved,
    ReviewNotFound,
    SelfVoteProhibited,
)
from reviews.jobs import fold_votes
from reviews.models import Review, ReviewVoteShard, shard_of
from reviews.services.finding import is_visible
from trustengine.accounts.access import is_member, require_good_standing
from trustengine.accounts.models import User
from trustengine.api.limits import Limit, WithoutRedis
from trustengine.audit.services import record
from trustengine.jobs.services import enqueue

logger = structlog.get_logger(__name__)

HELPFUL, UNHELPFUL = "helpful", "unhelpful"

# Votes move what others see and believe, so the limit holds without Redis too; a vote writes to PostgreSQL anyway.
VOTES = Limit("votes", "VOTES_PER_MINUTE", WithoutRedis.DATABASE)

UPSERT_VOTE = """
    INSERT INTO reviews_reviewvote AS vote (review_id, user_id, helpful, shard, created_at, updated_at)
    VALUES (%s, %s, %s, %s, now(), now())
    ON CONFLICT (review_id, user_id)
    DO UPDATE SET previous = vote.helpful, helpful = EXCLUDED.helpful, updated_at = now()
    RETURNING previous, shard
"""
DELETE_VOTE = "DELETE FROM reviews_reviewvote WHERE review_id = %s AND user_id = %s RETURNING helpful, shard"
COUNT_NEW = """
    INSERT INTO reviews_reviewvoteshard AS counted (review_id, shard, helpful, unhelpful) VALUES (%s, %s, %s, %s)
    ON CONFLICT (review_id, shard) DO UPDATE
    SET helpful = counted.helpful + EXCLUDED.helpful, unhelpful = counted.unhelpful + EXCLUDED.unhelpful
"""


@dataclass(frozen=True)
class VoteOutcome:
    """The caller's vote after the call, the one before, and the review's totals with it."""

    vote_type: str | None
    changed: bool
    previous_vote: str | None
    helpful_votes: int
    unhelpful_votes: int


def cast_vote(review_id: UUID, *, voter: User, vote_type: str) -> VoteOutcome:
    """Vote helpful or unhelpful, or change one's vote. Repeating it changes nothing.

    The review is read without a lock, so that votes never queue up behind one another: a
    vote that crosses with a takedown may still be counted, out of anyone's sight.

    Raises InvalidVoteType, RateLimitExceeded, ReviewNotFound, ReviewDeleted,
    ReviewNotApproved, ProductInactive, SelfVoteProhibited, ConflictOfInterest,
    AccountSuspended.
    """
    if vote_type not in {HELPFUL, UNHELPFUL}:
        raise InvalidVoteType
    helpful = vote_type == HELPFUL
    _admit(voter)
    with transaction.atomic():
        _check_votable(review_id, voter)
        with connection.cursor() as cursor:
            cursor.execute(UPSERT_VOTE, [review_id, voter.pk, helpful, shard_of(voter.pk)])
            previous, shard = cursor.fetchone()
            if previous is None:
                cursor.execute(COUNT_NEW, [review_id, shard, int(helpful), int(not helpful)])
        if previous is not None and previous != helpful:
            step = 1 if helpful else -1
            _count(review_id, shard, helpful=step, unhelpful=-step)
        return _outcome(review_id, voter, before=previous, after=helpful)


def withdraw_vote(review_id: UUID, *, voter: User) -> VoteOutcome:
    """Take one's vote back; without one, nothing changes. Raises as ``cast_vote``."""
    _admit(voter)
    with transaction.atomic():
        _check_votable(review_id, voter)
        with connection.cursor() as cursor:
            cursor.execute(DELETE_VOTE, [review_id, voter.pk])
            previous, shard = cursor.fetchone() or (None, 0)
        if previous is not None:
            _count(review_id, shard, helpful=-int(previous), unhelpful=-int(not previous))
        return _outcome(review_id, voter, before=previous, after=None)


def _admit(voter: User) -> None:
    """Count the action before anything else: switching to and fro is limited as much as new votes are."""
    require_good_standing(voter)
    VOTES.count(voter.pk)


def _check_votable(review_id: UUID, voter: User) -> None:
    review = Review.objects.select_related("product").filter(pk=review_id).first()
    if review is None:
        raise ReviewNotFound
    if review.deleted_at is not None:
        raise ReviewDeleted
    if not review.is_public:
        raise ReviewNotApproved if is_visible(review, voter) else ReviewNotFound
    if not review.product.is_active:
        raise ProductInactive
    if review.author_id == voter.pk:
        raise SelfVoteProhibited
    if is_member(voter, review.product.vendor_id):
        raise ConflictOfInterest


def _outcome(review_id: UUID, voter: User, *, before: bool | None, after: bool | None) -> VoteOutcome:
    changed = before != after
    if changed:
        about = ("reviews.reviewvote", f"{review_id}:{voter.pk}")
        verb = "vote.withdrawn" if after is None else "vote.cast"
        record(verb, about, actor=voter, before={"vote": _word(before)}, after={"vote": _word(after)})
        enqueue(fold_votes, key=review_id)
    # The shards hold this vote already; the review's own totals follow with the fold.
    totals = ReviewVoteShard.objects.filter(review_id=review_id).aggregate(
        helpful=Sum("helpful", default=0), unhelpful=Sum("unhelpful", default=0)
    )
    return VoteOutcome(_word(after), changed, _word(before), totals["helpful"], totals["unhelpful"])


def _count(review_id: UUID, shard: int, *, helpful: int, unhelpful: int) -> None:
    """Move the counts of a shard that an earlier vote has made."""
    row = ReviewVoteShard.objects.filter(review_id=review_id, shard=shard)
    if not row.update(helpful=F("helpful") + helpful, unhelpful=F("unhelpful") + unhelpful):
        # The vote is the fact and stands; ``reconcile votes`` rebuilds what is missing.
        logger.error("vote_shard_missing", review=str(review_id), shard=shard)


def _word(helpful: bool | None) -> str | None:
    return None if helpful is None else HELPFUL if helpful else UNHELPFUL
