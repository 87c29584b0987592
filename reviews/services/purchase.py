"""Was this bought, delivered, kept, and not too long ago? The order's items alone decide."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from orders.errors import ProductInactive
from orders.models import Order, OrderItem
from reviews.errors import (
    ConflictOfInterest,
    OrderNotDelivered,
    PurchaseNotVerified,
    PurchaseRefunded,
    ReviewPeriodExpired,
)
from reviews.models import Review
from trustengine.accounts.access import is_member, require_age, require_good_standing
from trustengine.accounts.models import Profile, User
from trustengine.database_time import database_now
from trustengine.errors import DomainError

DELIVERED = OrderItem.Fulfilment.DELIVERED


def lock_purchase(author: User, *, product_id: UUID, order_id: UUID) -> list[OrderItem]:
    """The items of that product in that order of the author's, locked by id.

    Locked first of all, so that a refund and a review of one item take turns. Raises
    PurchaseNotVerified, whatever the reason.
    """
    items = OrderItem.objects.filter(order=order_id, product=product_id, order__customer__in=Profile.objects.of(author))
    found = list(items.select_related("product").select_for_update(of=("self",), no_key=True).order_by("pk"))
    if not found:
        raise PurchaseNotVerified
    order = Order.objects.get(pk=order_id)  # after the wait: a row joined to a locked one may be older than it
    for item in found:
        item.order = order
    return found


def reviewable_item(items: Sequence[OrderItem], author: User) -> OrderItem:
    """The item that entitles to a review: delivered, not (or hardly) refunded, delivered last.

    Raises OrderNotDelivered, PurchaseRefunded, ReviewPeriodExpired, ConflictOfInterest, and
    ProductInactive for a product that a moderator has taken out of view. One that its vendor
    no longer offers may be reviewed.
    """
    delivered = [item for item in items if item.delivered_at or item.fulfilment_status == DELIVERED]
    if not delivered:
        raise OrderNotDelivered
    kept = [item for item in delivered if not item.is_mostly_refunded]
    if not kept:
        raise PurchaseRefunded
    latest = max(kept, key=lambda item: (_arrival(item), item.pk))
    if _arrival(latest) < database_now() - timedelta(days=settings.REVIEW_PERIOD_DAYS):
        raise ReviewPeriodExpired
    if is_member(author, latest.product.vendor_id):
        raise ConflictOfInterest
    if latest.product.is_moderated:
        raise ProductInactive("A moderator has taken this product out of view: it cannot be reviewed at present.")
    return latest


def _arrival(item: OrderItem) -> datetime:
    """When an item reached its buyer. Imported history may not say: then the day of the order, at the earliest."""
    return item.delivered_at or item.shipped_at or item.order.placed_at


def snapshot(item: OrderItem) -> dict[str, Any]:
    """What the purchase looked like when it was reviewed: kept with the review."""
    return {
        "order": str(item.order_id),
        "order_item": str(item.pk),
        "order_status": item.order.status,
        "fulfilment_status": item.fulfilment_status,
        "quantity": item.quantity,
        "unit_price_cents": item.unit_price_cents,
        "currency": item.order.currency,
        "vendor": str(item.vendor_id),
        "ordered_at": item.order.placed_at.isoformat(),
        "shipped_at": item.shipped_at and item.shipped_at.isoformat(),
        "delivered_at": item.delivered_at and item.delivered_at.isoformat(),
    }


def eligibility(user: User, product_id: UUID) -> dict[str, Any]:
    """Whether a user may review a product, with the order to name or the code of the refusal, and the review there is.

    Refused is what a submission would be. An author with a live review may edit it at any
    time, whatever became of the purchase.
    """
    existing = Review.objects.live().filter(author=user, product=product_id).select_related("product").first()
    written = existing and existing.pk
    try:
        require_good_standing(user)
        require_age(user)
        if existing is None:
            order_id = _order_to_name(user, product_id)
        elif is_member(user, existing.product.vendor_id):
            raise ConflictOfInterest
        else:
            order_id = OrderItem.objects.values_list("order", flat=True).get(pk=existing.order_item_id)
    except DomainError as refusal:
        return {"eligible": False, "code": refusal.code, "order": None, "existing_review": written}
    return {"eligible": True, "code": None, "order": order_id, "existing_review": written}


def _order_to_name(user: User, product_id: UUID) -> UUID:
    """The latest order of the product that entitles to a review; else the refusal of the latest order there is."""
    refusal: DomainError | None = None
    bought = OrderItem.objects.filter(product=product_id, order__customer__in=Profile.objects.of(user))
    by_order: dict[UUID, list[OrderItem]] = {}
    for item in bought.select_related("order", "product").order_by("-order__placed_at", "pk"):
        by_order.setdefault(item.order_id, []).append(item)
    for order_id, items in by_order.items():
        try:
            reviewable_item(items, user)
        except DomainError as error:
            refusal = refusal or error
        else:
            return order_id
    raise refusal or PurchaseNotVerified
