"""A product's star counters follow its counted reviews, in the same transaction."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Q, QuerySet

from reviews.models import ProductRating, Review
from reviews.models.review import ReviewQuerySet
from trustengine.jobs.services import publish

STARS = range(1, 6)

# What makes a change significant, against what was told last, so that many small ones add up.
AVERAGE_STEP, COUNT_STEP = 0.5, 10
TELL = """
    UPDATE reviews_productrating SET told_count = count, told_average = average
    WHERE product_id = ANY(%s) AND (
        (told_count = 0) <> (count = 0)
        OR abs(told_count - count) >= %s OR abs(told_average - average) >= %s
    )
    RETURNING product_id, count, average
"""


@contextmanager
def rating_follows(review: Review) -> Iterator[None]:
    """Move the product's counters by what the block changes about a locked review.

    Compares whether it counted, and with how many stars, before and after. The counter
    row is hot, so leave the block as late in the transaction as the lock order allows.
    """
    before = review.rating if review.is_counted else None
    yield
    after = review.rating if review.is_counted else None
    if before != after:
        _move(review.product_id, lost=before, gained=after)
        publish("reviews.counted_changed", review_id=review.pk, product_id=review.product_id)
        tell_changes([review.product_id])


def tell_changes(product_ids: Collection[UUID]) -> None:
    """Publish ``reviews.rating_changed`` for those of these products whose rating has changed significantly.

    That is: the first counted review or the last one gone, ten more or fewer, or an average
    that is half a star off. The caller has locked the ratings, by changing them.
    """
    for product, count, average in note_told(product_ids):
        publish("reviews.rating_changed", product_id=product, count=count, average=average)


def note_told(product_ids: Collection[UUID]) -> list[tuple[UUID, int, float | None]]:
    """Note as told what has changed significantly, and return it: product, count, average."""
    with connection.cursor() as cursor:
        cursor.execute(TELL, [sorted(product_ids), COUNT_STEP, AVERAGE_STEP])
        return sorted(cursor.fetchall())


def counted_stars(reviews: ReviewQuerySet) -> "QuerySet[Review, Any]":
    """Per product, how many counted reviews have each number of stars: what the counters must equal."""
    per_star = {f"stars_{star}": Count("pk", filter=Q(rating=star)) for star in STARS}
    return reviews.counted().order_by().values("product_id").annotate(**per_star)


def display_score(rating: ProductRating | None) -> float:
    """The Bayesian mean (C·m + Σ stars) / (C + n), with prior mean m and weight C from the settings."""
    prior, weight = settings.RATING_PRIOR_MEAN, settings.RATING_PRIOR_WEIGHT
    count = rating.count if rating else 0
    total = sum(star * getattr(rating, f"stars_{star}") for star in STARS) if rating else 0
    return (weight * prior + total) / (weight + count) if weight + count else prior


def _move(product_id: UUID, *, lost: int | None, gained: int | None) -> None:
    changes = {}
    if lost is not None:
        changes[f"stars_{lost}"] = F(f"stars_{lost}") - 1
    if gained is not None:
        changes[f"stars_{gained}"] = F(f"stars_{gained}") + 1
    row = ProductRating.objects.filter(product_id=product_id)
    if not row.update(**changes):
        ProductRating.objects.bulk_create([ProductRating(product_id=product_id)], ignore_conflicts=True)
        row.update(**changes)
