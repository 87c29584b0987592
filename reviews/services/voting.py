"""Votes: one row per user and review, counted in one of 64 shards, folded into the review by a job.

The transaction never touches the review's own row, which may be viral. The vote's row is
upserted in one statement that returns what it replaced, so that parallel votes of one
user take turns and each delta is right. The voter's own row is share-locked, so that a
suspension or an erasure comes wholly before or wholly after a vote.
Locks: the voter, the vote, its shard.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from orders.errors import ContentRemoved, ProductInactive
from reviews.errors import (
    ConflictOfInterest,
    InvalidVoteType,
    ReviewDeleted,
    ReviewNotApproved,
    ReviewNotFound,
    SelfVoteProhibited,
)
from reviews.jobs import fold_votes
from reviews.models import shard_of
from trustengine.accounts.access import require_good_standing
from trustengine.accounts.models import User
from trustengine.api.limits import Limit, WithoutRedis
from trustengine.audit.services import draft
from trustengine.bulk import insert_row
from trustengine.errors import AccountSuspended
from trustengine.jobs.services import enqueue
from trustengine.origins import NOWHERE, Origin

logger = structlog.get_logger(__name__)

HELPFUL, UNHELPFUL = "helpful", "unhelpful"

# Votes move what others see and believe, so the limit holds without Redis too; a vote writes to PostgreSQL anyway.
VOTES = Limit("votes", "VOTES_PER_MINUTE", WithoutRedis.DATABASE)

# All that decides, in one round trip: the voter under a lock, the review without one.
CHECK = """
    SELECT voter.suspended_at IS NULL AND voter.is_active, review.author_id, review.deleted_at IS NOT NULL,
        review.status = 'approved' AND NOT review.is_hidden AND review.removed_at IS NULL,
        review.restricted_at IS NOT NULL, product.is_active, product.is_hidden,
        product.removed_at, product.removal_reason, product.removal_ground,
        EXISTS (SELECT FROM accounts_membership WHERE user_id = voter.id AND profile_id = product.vendor_id),
        heat.next_fold_at
    FROM accounts_user AS voter
    LEFT JOIN reviews_review AS review ON review.id = %(review)s
    LEFT JOIN orders_product AS product ON product.id = review.product_id
    LEFT JOIN reviews_reviewheat AS heat ON heat.review_id = review.id
    WHERE voter.id = %(voter)s FOR SHARE OF voter
"""
# A vote that does not count at the moment keeps that: the job that turns it is on its way.
# The shard of a new vote is upserted beside it; a change meets its shard in a statement of its own, which sees a shard
# that was made while this one waited.
UPSERT = """
    WITH vote AS (
        INSERT INTO reviews_reviewvote AS vote
            (review_id, user_id, helpful, shard, ip_hash, agent_hash, created_at, updated_at)
        VALUES (%(review)s, %(voter)s, %(helpful)s, %(shard)s, %(ip_hash)s, %(agent_hash)s, now(), now())
        ON CONFLICT (review_id, user_id) DO UPDATE
        SET previous = vote.helpful, helpful = EXCLUDED.helpful, updated_at = now(),
            ip_hash = EXCLUDED.ip_hash, agent_hash = EXCLUDED.agent_hash
        RETURNING previous, shard, counts
    ), counted AS (
        INSERT INTO reviews_reviewvoteshard AS counted (review_id, shard, helpful, unhelpful, actions)
        SELECT %(review)s, shard, %(helpful)s::int, (NOT %(helpful)s)::int, 1 FROM vote WHERE previous IS NULL
        ON CONFLICT (review_id, shard) DO UPDATE
        SET helpful = counted.helpful + EXCLUDED.helpful, unhelpful = counted.unhelpful + EXCLUDED.unhelpful,
            actions = counted.actions + 1
    )
    SELECT previous, shard, counts FROM vote
"""
DELETE = """
    DELETE FROM reviews_reviewvote WHERE review_id = %(review)s AND user_id = %(voter)s
    RETURNING helpful, shard, counts
"""
MOVE = """
    UPDATE reviews_reviewvoteshard
    SET helpful = helpful + %(more_helpful)s, unhelpful = unhelpful + %(more_unhelpful)s, actions = actions + 1
    WHERE review_id = %(review)s AND shard = %(shard)s
"""
TOTALS = """
    SELECT coalesce(sum(helpful), 0)::bigint, coalesce(sum(unhelpful), 0)::bigint
    FROM reviews_reviewvoteshard WHERE review_id = %(review)s
"""


@dataclass(frozen=True)
class VoteOutcome:
    """The caller's vote after the call, the one before, and the review's totals with it."""

    vote_type: str | None
    changed: bool
    previous_vote: str | None
    helpful_votes: int
    unhelpful_votes: int


def cast_vote(review_id: UUID, *, voter: User, vote_type: str, origin: Origin = NOWHERE) -> VoteOutcome:
    """Vote helpful or unhelpful, or change one's vote. Repeating it changes nothing.

    The review is read without a lock, so that votes never queue up behind one another: a
    vote that crosses with a takedown may still be counted, out of anyone's sight. The
    totals in the answer hold this vote already.

    Raises InvalidVoteType, RateLimitExceeded, ReviewNotFound, ReviewDeleted,
    ReviewNotApproved, ProductInactive, SelfVoteProhibited, ConflictOfInterest,
    AccountSuspended; of a product that a moderator has taken out of view ReviewNotFound
    (hidden) or ContentRemoved, since nobody reads what is voted on.
    """
    if vote_type not in {HELPFUL, UNHELPFUL}:
        raise InvalidVoteType
    helpful = vote_type == HELPFUL
    _admit(voter)
    values: dict[str, Any] = {
        "review": review_id,
        "voter": voter.pk,
        "helpful": helpful,
        "shard": shard_of(voter.pk),
        "ip_hash": origin.ip_hash,
        "agent_hash": origin.agent_hash,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        fold_at = _check_votable(cursor, review_id, voter)
        cursor.execute(f"{UPSERT}; {TOTALS}", values)  # one round trip, two snapshots
        previous, shard, counts = cursor.fetchone()
        cursor.nextset()
        totals = cursor.fetchone()
        if counts and previous is not None and previous != helpful:
            step = 1 if helpful else -1
            totals = _move(cursor, review_id, shard, more_helpful=step, more_unhelpful=-step)
        _note(review_id, voter, fold_at, before=previous, after=helpful)
        return VoteOutcome(_word(helpful), previous != helpful, _word(previous), *totals)


def withdraw_vote(review_id: UUID, *, voter: User) -> VoteOutcome:
    """Take one's vote back; without one, nothing changes. Raises as ``cast_vote``."""
    _admit(voter)
    with transaction.atomic(), connection.cursor() as cursor:
        fold_at = _check_votable(cursor, review_id, voter)
        cursor.execute(DELETE, {"review": review_id, "voter": voter.pk})
        previous, shard, counts = cursor.fetchone() or (None, 0, False)
        less = int(counts)  # nothing, where there was no vote or it did not count
        totals = _move(
            cursor, review_id, shard, more_helpful=-less * bool(previous), more_unhelpful=-less * (not previous)
        )
        _note(review_id, voter, fold_at, before=previous, after=None)
        return VoteOutcome(None, previous is not None, _word(previous), *totals)


def _admit(voter: User) -> None:
    """Count the action before anything else: switching to and fro is limited as much as new votes are."""
    require_good_standing(voter)
    VOTES.count(voter.pk)


def _check_votable(cursor: Any, review_id: UUID, voter: User) -> datetime | None:
    """Raise what forbids this vote; else the moment before which the review is not to be folded, if any."""
    cursor.execute(CHECK, {"review": review_id, "voter": voter.pk})
    row = cursor.fetchone()
    if row is None or not row[0]:
        raise AccountSuspended
    _, author_id, is_deleted, is_shown, is_restricted, is_sold, is_hidden, *removal, sells_it, fold_at = row
    removed = dict(zip(("at", "reason", "ground"), removal, strict=True))
    if author_id is None:
        raise ReviewNotFound
    if is_deleted:
        raise ReviewDeleted
    is_own = author_id == voter.pk
    # Authors are told nothing here of a restriction, which may be one that they are not to know of.
    if not is_shown or (is_restricted and not is_own):
        sees_it = is_own or voter.has_perm("reviews.moderate_review")
        raise ReviewNotApproved if sees_it else ReviewNotFound
    if removed["at"]:
        raise ContentRemoved(removed)
    if is_hidden:
        raise ReviewNotFound
    if not is_sold:
        raise ProductInactive
    if is_own:
        raise SelfVoteProhibited
    if sells_it:
        raise ConflictOfInterest
    return fold_at  # type: ignore[no-any-return]


def _note(review_id: UUID, voter: User, fold_at: datetime | None, *, before: bool | None, after: bool | None) -> None:
    """Leave the trace of a change, and have the review folded; without a change there is nothing to note."""
    if before == after:
        return
    about = ("reviews.reviewvote", f"{review_id}:{voter.pk}")
    verb = "vote.withdrawn" if after is None else "vote.cast"
    insert_row(draft(verb, about, actor=voter, before={"vote": _word(before)}, after={"vote": _word(after)}))
    enqueue(fold_votes, key=review_id, run_at=fold_at)


def _move(cursor: Any, review_id: UUID, shard: int, *, more_helpful: int, more_unhelpful: int) -> Any:
    """Move the counts of a shard that an earlier vote has made; returns the review's totals with it."""
    values = {"review": review_id, "shard": shard, "more_helpful": more_helpful, "more_unhelpful": more_unhelpful}
    if more_helpful or more_unhelpful:
        cursor.execute(MOVE, values)
        if not cursor.rowcount:
            # The vote is the fact and stands; ``reconcile votes`` rebuilds what is missing.
            logger.error("vote_shard_missing", review=str(review_id), shard=shard)
    cursor.execute(TOTALS, values)
    return cursor.fetchone()


def _word(helpful: bool | None) -> str | None:
    return None if helpful is None else HELPFUL if helpful else UNHELPFUL
