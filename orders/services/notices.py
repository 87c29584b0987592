"""Who is told what about an order. Locks: the order.

Rows are written here, from the items as they are, and sent by ``orders.notices.sending``.
Each kind of news about an item is told to a person once, by a unique constraint, however
often an event is delivered. What happened longer ago than ``NOTICE_MAX_AGE_HOURS`` is no
news: history that was imported or written anew tells nobody anything.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from orders.models import Notice, NoticeItem, Order, OrderItem
from orders.services.fulfilment import lock_order
from trustengine.accounts.models import User
from trustengine.database_time import database_now
from trustengine.errors import NotFound

Fulfilment = OrderItem.Fulfilment
MOMENTS = {
    Notice.Kind.SHIPPED: "shipped_at",
    Notice.Kind.DELIVERED: "delivered_at",
    Notice.Kind.CANCELLED: "cancelled_at",
}


@transaction.atomic
def note_confirmation(order_id: UUID) -> list[Notice]:
    """Notices of a new order: for its customer, and for the members of each vendor who has to fulfil it."""
    order, customer = _lock_with_customer(order_id)
    if order is None or order.placed_at < _news_since():
        return []
    found = [_write(Notice.Kind.CONFIRMED, order, customer)] if customer else []
    items = list(order.items.order_by("pk"))
    for vendor in sorted({item.vendor_id for item in items}):
        for member in User.objects.filter(memberships__profile=vendor).order_by("pk"):
            theirs = [item for item in items if item.vendor_id == vendor]
            found.append(_write(Notice.Kind.NEW_ITEMS, order, member, theirs))
    return [notice for notice in found if notice]


@transaction.atomic
def note_items(order_id: UUID, kind: str) -> Notice | None:
    """A notice of all items of an order that have just been shipped, delivered or cancelled; None if all is told."""
    order, customer = _lock_with_customer(order_id)
    if order is None or customer is None:
        return None
    told = NoticeItem.objects.filter(kind=kind, recipient=customer, item__order=order)
    recent = order.items.filter(fulfilment_status=kind, **{f"{MOMENTS[Notice.Kind(kind)]}__gte": _news_since()})
    items = list(recent.exclude(pk__in=told.values("item")).order_by("pk"))
    return _write(kind, order, customer, items) if items else None


@transaction.atomic
def note_refund(order_id: UUID, *, item_ids: Sequence[UUID], amount_cents: int, occasion: str) -> Notice | None:
    """A notice of one refund; ``occasion`` names it, so that it is told once."""
    order, customer = _lock_with_customer(order_id)
    if order is None or customer is None or amount_cents <= 0:
        return None
    items = list(order.items.filter(pk__in=item_ids).order_by("pk"))
    return _write(Notice.Kind.REFUNDED, order, customer, items, occasion=occasion, amount_cents=amount_cents)


def settle_notice(notice: Notice, state: str, outcome: str = "") -> bool:
    """Say what became of a pending notice; False where that had been said."""
    pending = Notice.objects.filter(pk=notice.pk, state=Notice.State.PENDING)
    return bool(pending.update(state=state, outcome=outcome, settled_at=database_now()))


def _write(
    kind: str,
    order: Order,
    recipient: User,
    items: Sequence[OrderItem] = (),
    *,
    occasion: str = "",
    amount_cents: int | None = None,
) -> Notice | None:
    """The notice with its items, or None where it exists; the order's lock makes writers take turns."""
    occasion = occasion or (_digest(item.pk for item in items) if items else "")
    members = {"kind": kind, "order": order, "recipient": recipient, "occasion": occasion}
    notice, is_new = Notice.objects.get_or_create(**members, defaults={"amount_cents": amount_cents})
    if not is_new:
        return None
    lines = [NoticeItem(notice=notice, item=item, kind=kind, recipient=recipient) for item in items]
    NoticeItem.objects.bulk_create(lines)
    return notice


def _lock_with_customer(order_id: UUID) -> tuple[Order | None, User | None]:
    """The order, locked, and whose it is; None for what is not there any more."""
    try:
        order = lock_order(order_id)
    except NotFound:
        return None, None
    return order, User.objects.filter(customer_profile=order.customer_id).first()


def _news_since() -> datetime:
    return database_now() - timedelta(hours=settings.NOTICE_MAX_AGE_HOURS)


def _digest(ids: Iterable[UUID]) -> str:
    return hashlib.sha256(",".join(str(each) for each in ids).encode()).hexdigest()
