"""Reviews of what was given back: they stay readable, and count no more."""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction

from orders.models import OrderItem
from reviews.derivations import ratings_follow
from reviews.models import Review
from trustengine.audit.services import draft, record_all
from trustengine.bulk import Among, update_rows


@transaction.atomic
def mark_purchases_refunded(item_ids: Collection[UUID]) -> int:
    """Mark the reviews of those of these items whose whole price went back; returns how many are new.

    Called after the refund has committed: a submission locks its item, so its review is
    either there by now, or was refused. A refund is never taken back, nor is the mark.
    Locks: reviews by id, then ratings by product.
    """
    refunded = OrderItem.objects.filter(Among("pk", item_ids), refunded_at__isnull=False)
    moments = dict(refunded.values_list("pk", "refunded_at"))
    unmarked = Review.objects.filter(Among("order_item", moments), purchase_refunded_at=None)
    reviews = list(unmarked.select_for_update(of=("self",), no_key=True).order_by("pk"))
    with ratings_follow(reviews):
        for review in reviews:
            review.purchase_refunded_at = moments[review.order_item_id]
        update_rows(
            Review, ["id"], [{"id": each.pk, "purchase_refunded_at": each.purchase_refunded_at} for each in reviews]
        )
        record_all(
            draft(
                "review.purchase_refunded",
                review,
                before={"purchase_refunded_at": None},
                after={"purchase_refunded_at": review.purchase_refunded_at, "order_item": review.order_item_id},
            )
            for review in reviews
        )
    return len(reviews)
