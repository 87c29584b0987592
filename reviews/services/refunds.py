"""Reviews of what was refunded, all of it or most: they stay readable, and do not count as long as that is so."""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction

from orders.models import OrderItem
from reviews.derivations import ratings_follow
from reviews.models import Review
from trustengine.audit.services import draft, record_all
from trustengine.bulk import Among, update_rows
from trustengine.database_time import database_now


@transaction.atomic
def follow_refunded_items(item_ids: Collection[UUID]) -> int:
    """Mark the reviews of those of these items of which most was refunded, unmark the others; returns how many changed.

    Called after the refund has committed: a submission locks its item, so its review is
    either there by now, or was refused. The items are read once the reviews are locked, so
    that of two calls the later one decides. Locks: reviews by id, then ratings by product.
    """
    found = Review.objects.filter(Among("order_item", item_ids)).order_by("pk")
    locked = list(found.select_for_update(of=("self",), no_key=True))
    items = OrderItem.objects.in_bulk([review.order_item_id for review in locked])
    reviews = [
        each for each in locked if bool(each.purchase_refunded_at) != items[each.order_item_id].is_mostly_refunded
    ]
    now = database_now()
    with ratings_follow(reviews):
        entries = []
        for review in reviews:
            item, before = items[review.order_item_id], review.purchase_refunded_at
            review.purchase_refunded_at = (item.refunded_at or now) if item.is_mostly_refunded else None
            verb = "review.purchase_refunded" if item.is_mostly_refunded else "review.purchase_kept"
            after = {"purchase_refunded_at": review.purchase_refunded_at, "order_item": item.pk}
            entries.append(draft(verb, review, before={"purchase_refunded_at": before}, after=after))
        update_rows(
            Review, ["id"], [{"id": each.pk, "purchase_refunded_at": each.purchase_refunded_at} for each in reviews]
        )
        record_all(entries)
    return len(reviews)
