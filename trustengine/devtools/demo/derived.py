"""Bringing derived values in line with the rows just stored, by the functions that define them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from orders.models import Order
from reviews.jobs import fold_votes
from reviews.models import ProductRating, Review
from reviews.ratings import counted_stars
from reviews.reputation import recompute
from trustengine.devtools.demo.world import BATCH


def derive_everything(*, voted_on: Sequence[UUID]) -> None:
    """Order statuses, ratings, vote totals and reputations. Without jobs: their time would be the present."""
    annotated: Any = Order.objects.with_derived_status()
    derived = annotated.values_list("pk", "derived_status", "derived_delivered_at")
    orders = [Order(pk=pk, status=status, delivered_at=moment) for pk, status, moment in derived]
    Order.objects.bulk_update(orders, ["status", "delivered_at"], batch_size=BATCH)
    ProductRating.objects.bulk_create(ProductRating(**counts) for counts in counted_stars(Review.objects.all()))
    for review_id in voted_on:
        fold_votes(str(review_id))
    recompute(*Review.objects.order_by().values_list("author", flat=True).distinct())
