"""One viral review: votes counted in shards against the same with its own row updated at once.

Measured twice: through the service, where Python sets the pace, and by its statements
alone, where the database does and the hot row shows.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from orders.clock import placement
from orders.models import Order, OrderItem, Product
from reviews.models import Review, shard_of
from reviews.services import cast_vote
from trustengine.accounts.models import Profile, User
from trustengine.database_time import database_now
from trustengine.devtools.bench.crowd import per_second
from trustengine.devtools.bench.rounds import Figures, Size, ratio

THREADS = (1, 8)

Vote = Callable[[UUID, User], None]

IN_SHARDS = """
    WITH vote AS (
        INSERT INTO reviews_reviewvote AS vote (review_id, user_id, helpful, shard, created_at, updated_at)
        VALUES (%(review)s, %(user)s, true, %(shard)s, now(), now()) RETURNING review_id, shard
    )
    INSERT INTO reviews_reviewvoteshard AS counted (review_id, shard, helpful, unhelpful)
    SELECT review_id, shard, 1, 0 FROM vote
    ON CONFLICT (review_id, shard) DO UPDATE SET helpful = counted.helpful + 1
"""
ON_THE_REVIEW = "UPDATE reviews_review SET helpful_votes = helpful_votes + 1 WHERE id = %(review)s"


def measure(size: Size) -> Figures:
    """Votes a second by one and by eight threads, each vote by another user."""
    voters = User.objects.bulk_create(User() for _ in range(max(size.votes, size.statements)))
    few, many = voters[: size.votes], voters[: size.statements]
    figures: dict[str, float] = {}
    for threads in THREADS:
        figures |= _compared(f"service_{threads}", threads, few, _cast, _cast_with_hot_row)
        figures |= _compared(f"statements_{threads}", threads, many, _execute, _execute_with_hot_row)
    return figures


def _compared(name: str, threads: int, voters: Sequence[User], sharded: Vote, hot: Vote) -> dict[str, float]:
    fast, slow = (_votes_per_second(vote, voters, threads) for vote in (sharded, hot))
    return {
        f"{name}_sharded_per_second": fast,
        f"{name}_hot_row_per_second": slow,
        f"{name}_sharded_to_hot_row": ratio(fast, slow),
    }


def _cast(review_id: UUID, voter: User) -> None:
    cast_vote(review_id, voter=voter, vote_type="helpful")


@transaction.atomic
def _cast_with_hot_row(review_id: UUID, voter: User) -> None:
    """What an earlier design did: every voter waits for the one before to commit."""
    cast_vote(review_id, voter=voter, vote_type="helpful")
    Review.objects.filter(pk=review_id).update(helpful_votes=F("helpful_votes") + 1)


def _execute(review_id: UUID, voter: User) -> None:
    """What the service does about the counts, in one round trip."""
    with connection.cursor() as cursor:
        cursor.execute(IN_SHARDS, _values(review_id, voter))


def _execute_with_hot_row(review_id: UUID, voter: User) -> None:
    """The same, and one statement more in the same transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"{IN_SHARDS}; {ON_THE_REVIEW}", _values(review_id, voter))


def _values(review_id: UUID, voter: User) -> dict[str, Any]:
    return {"review": review_id, "user": voter.pk, "shard": shard_of(voter.pk)}


def _votes_per_second(vote: Vote, voters: Sequence[User], threads: int) -> float:
    review = _approved_review()
    return per_second(lambda voter: vote(review.pk, voter), voters, threads)


def _approved_review() -> Review:
    """A public review with the least around it that the database accepts."""
    now = database_now()
    author = User.objects.create()
    customer = Profile.objects.create(kind=Profile.Kind.CUSTOMER, user=author)
    vendor = Profile.objects.create(kind=Profile.Kind.VENDOR)
    product = Product.objects.create(
        vendor=vendor, title="Viral", price_cents=100, currency=settings.MARKETPLACE_CURRENCY
    )
    order = Order.objects.create(customer=customer, currency=product.currency, **placement(database_now()))
    item = OrderItem.objects.create(
        order=order,
        product=product,
        vendor=vendor,
        day=order.day,
        tick=order.tick,
        quantity=1,
        unit_price_cents=100,
        fulfilment_status=OrderItem.Fulfilment.DELIVERED,
        shipped_at=now - timedelta(days=2),
        delivered_at=now - timedelta(days=1),
    )
    return Review.objects.create(
        product=product,
        author=author,
        order_item=item,
        rating=5,
        status=Review.Status.APPROVED,
        verification=Review.Verification.DELIVERED,
    )
