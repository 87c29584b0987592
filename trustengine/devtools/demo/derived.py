"""Bringing derived values in line with the rows just stored, by the functions that define them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from orders.models import Order, Product
from reviews.derivations import fold
from reviews.models import ProductRating, Review
from reviews.ratings import counted_stars, note_told
from reviews.reputation import recompute
from reviews.trends import refresh
from trustengine.devtools.demo.world import set_moments


def derive_everything(*, voted_on: Sequence[UUID]) -> None:
    """Order statuses, ratings, trends, vote totals and reputations. Without jobs: their time would be the present."""
    annotated: Any = Order.objects.with_derived_status()
    derived = list(annotated.values_list("pk", "derived_status", "derived_delivered_at"))
    for status in Order.Status:
        Order.objects.filter(pk__in=[pk for pk, found, _ in derived if found == status]).update(status=status)
    set_moments(Order, "delivered_at", {pk: moment for pk, _, moment in derived if moment})
    ProductRating.objects.bulk_create(ProductRating(**counts) for counts in counted_stars(Review.objects.all()))
    note_told(list(Product.objects.values_list("pk", flat=True)))
    fold(voted_on)
    refresh(Product.objects.values_list("pk", flat=True))
    recompute(*Review.objects.order_by().values_list("author", flat=True).distinct())
