"""Bringing derived values of many reviews in line with their facts at once.

Each takes its locks in a statement before the one that reads the facts, so that it sees
all that their former holders committed; in the order item, review, vote shard, rating.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from orders.models import MOSTLY_REFUNDED
from reviews.models import ProductRating, Review
from reviews.ratings import STARS, counted_stars
from trustengine.bulk import Among, update_rows
from trustengine.jobs.services import publish_many

COUNTERS = [f"stars_{star}" for star in STARS]

# Whether a review's mark is not what its item says.
WRONG_MARK = f"(review.purchase_refunded_at IS NOT NULL) <> {MOSTLY_REFUNDED}"
FOLLOW_REFUNDS = f"""
    UPDATE reviews_review AS review SET updated_at = now(), purchase_refunded_at =
        CASE WHEN {MOSTLY_REFUNDED} THEN coalesce(item.refunded_at, now()) END
    FROM orders_orderitem AS item
    WHERE item.id = ANY(%(items)s) AND review.order_item_id = item.id AND {WRONG_MARK}
    RETURNING review.product_id
"""
FIND_WRONG_MARKS = f"""
    SELECT review.product_id, item.id FROM reviews_review AS review
        JOIN orders_orderitem AS item ON item.id = review.order_item_id
    WHERE review.product_id = ANY(%(products)s) AND {WRONG_MARK}
    ORDER BY 1, 2
"""
ADD_MISSING_RATINGS = """
    INSERT INTO reviews_productrating (product_id, stars_1, stars_2, stars_3, stars_4, stars_5)
    SELECT id, 0, 0, 0, 0, 0 FROM orders_product AS product
    WHERE id = ANY(%s) AND NOT EXISTS (SELECT 1 FROM reviews_productrating WHERE product_id = product.id)
    ORDER BY id
    ON CONFLICT DO NOTHING
"""
ADD_MISSING_SHARDS = """
    INSERT INTO reviews_reviewvoteshard (review_id, shard, helpful, unhelpful)
    SELECT DISTINCT review_id, shard, 0, 0 FROM reviews_reviewvote WHERE review_id = ANY(%s) ORDER BY 1, 2
    ON CONFLICT DO NOTHING
"""
LOCK_SHARDS = """
    SELECT 1 FROM reviews_reviewvoteshard WHERE review_id = ANY(%s) ORDER BY review_id, shard FOR NO KEY UPDATE
"""
RECOUNT_SHARDS = """
    WITH facts AS (
        SELECT review_id, shard, count(*) FILTER (WHERE helpful AND counts) AS helpful,
            count(*) FILTER (WHERE NOT helpful AND counts) AS unhelpful
        FROM reviews_reviewvote WHERE review_id = ANY(%(reviews)s) GROUP BY review_id, shard
    ), right_counts AS (
        SELECT review_id, shard, coalesce(facts.helpful, 0) AS helpful, coalesce(facts.unhelpful, 0) AS unhelpful
        FROM reviews_reviewvoteshard AS stored LEFT JOIN facts USING (review_id, shard)
        WHERE stored.review_id = ANY(%(reviews)s)
    )
    UPDATE reviews_reviewvoteshard AS stored
    SET helpful = right_counts.helpful, unhelpful = right_counts.unhelpful
    FROM right_counts
    WHERE stored.review_id = right_counts.review_id AND stored.shard = right_counts.shard
        AND (stored.helpful, stored.unhelpful) IS DISTINCT FROM (right_counts.helpful, right_counts.unhelpful)
"""
FOLD = """
    WITH totals AS (
        SELECT review.id, coalesce(sum(shard.helpful), 0) AS helpful, coalesce(sum(shard.unhelpful), 0) AS unhelpful
        FROM reviews_review AS review LEFT JOIN reviews_reviewvoteshard AS shard ON shard.review_id = review.id
        WHERE review.id = ANY(%s) GROUP BY review.id
    )
    UPDATE reviews_review AS review SET helpful_votes = totals.helpful, unhelpful_votes = totals.unhelpful
    FROM totals
    WHERE review.id = totals.id
        AND (review.helpful_votes, review.unhelpful_votes) IS DISTINCT FROM (totals.helpful, totals.unhelpful)
"""


def follow_refunds(item_ids: Iterable[UUID]) -> set[UUID]:
    """Mark the reviews of refunded items, and unmark those of others; returns the products they are of."""
    with connection.cursor() as cursor:
        cursor.execute(FOLLOW_REFUNDS, {"items": list(item_ids), "share": settings.REFUND_SHARE_UNCOUNTED})
        return {product for (product,) in cursor.fetchall()}


def wrong_refund_marks(product_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """By product, the items whose reviews should be marked as refunded and are not, or the other way round."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"products": list(product_ids), "share": settings.REFUND_SHARE_UNCOUNTED}
        cursor.execute(FIND_WRONG_MARKS, values)
        found: dict[UUID, list[UUID]] = {}
        for product, item in cursor.fetchall():
            found.setdefault(product, []).append(item)
        return found


def lock_ratings(product_ids: Collection[UUID]) -> dict[UUID, list[int]]:
    """Lock the star counters of these products, making those that are missing; returns them."""
    with connection.cursor() as cursor:
        cursor.execute(ADD_MISSING_RATINGS, [list(product_ids)])
    ratings = ProductRating.objects.filter(Among("product", product_ids))
    locked = ratings.select_for_update(no_key=True).order_by("pk")
    return {product: stars for product, *stars in locked.values_list("product_id", *COUNTERS)}


def recount_stars(product_ids: Collection[UUID]) -> None:
    """Set the star counters of these products to what their counted reviews say."""
    products = sorted(product_ids)
    found = lock_ratings(products)
    counted = counted_stars(Review.objects.filter(Among("product", products))).values_list("product_id", *COUNTERS)
    expected = {product: stars for product, *stars in counted}
    none = [0] * len(COUNTERS)
    wrong = [product for product in products if found[product] != expected.get(product, none)]
    update_rows(
        ProductRating,
        ["product_id"],
        [{"product_id": product, **dict(zip(COUNTERS, expected.get(product, none), strict=True))} for product in wrong],
    )


@contextmanager
def ratings_follow(reviews: Sequence[Review]) -> Iterator[None]:
    """``rating_follows`` for many locked reviews at once: their products' counters move by what the block changes."""
    before = {review.pk: _stars(review) for review in reviews}
    yield
    changed = [review for review in reviews if before[review.pk] != _stars(review)]
    moves: dict[UUID, list[int]] = {review.product_id: [0] * len(COUNTERS) for review in changed}
    for review in changed:
        for stars, step in ((before[review.pk], -1), (_stars(review), 1)):
            if stars:
                moves[review.product_id][stars - 1] += step
    found = lock_ratings(moves)
    update_rows(
        ProductRating,
        ["product_id"],
        [
            {
                "product_id": product,
                **dict(zip(COUNTERS, map(sum, zip(found[product], move, strict=True)), strict=True)),
            }
            for product, move in moves.items()
        ],
    )
    told = [{"review_id": review.pk, "product_id": review.product_id} for review in changed]
    publish_many("reviews.counted_changed", told)


def _stars(review: Review) -> int:
    """What a review adds to its product's rating; 0 for nothing."""
    return review.rating if review.is_counted else 0


def lock_shards(review_ids: Collection[UUID]) -> None:
    """Lock the vote shards of these reviews, making those that are missing. Votes cast meanwhile wait."""
    with connection.cursor() as cursor:
        cursor.execute(ADD_MISSING_SHARDS, [list(review_ids)])
        cursor.execute(LOCK_SHARDS, [list(review_ids)])


def recount_shards(review_ids: Collection[UUID]) -> None:
    """Set the vote shards of these reviews, which the caller has locked, to what their votes say."""
    with connection.cursor() as cursor:
        cursor.execute(RECOUNT_SHARDS, {"reviews": list(review_ids)})


def fold(review_ids: Collection[UUID]) -> None:
    """Copy the shards of these reviews, which the caller has locked, into their totals."""
    with connection.cursor() as cursor:
        cursor.execute(FOLD, [list(review_ids)])
