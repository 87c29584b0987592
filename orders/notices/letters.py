"""Notices in words: subject, text and HTML of each kind."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from orders.models import Notice, OrderItem
from orders.notices.unsubscribing import ORDER_UPDATES, REVIEW_INVITATIONS, unsubscribe_url
from trustengine.admin.presentation import money

Kind = Notice.Kind
SUBJECTS = {
    Kind.CONFIRMED: "Your order {number} is confirmed",
    Kind.SHIPPED: "On its way: {what}",
    Kind.DELIVERED: "Delivered: {what}",
    Kind.CANCELLED: "Cancelled: {what}",
    Kind.REFUNDED: "Your refund for order {number}",
    Kind.NEW_ITEMS: "New order {number} to fulfil",
}
INVITATION_SUBJECT = "How do you like it? {what}"
LONGEST_TITLE = 60


def letter(notice: Notice, *, updates: bool, invitation: bool) -> EmailMultiAlternatives:
    """The mail of a notice: with the news, with an invitation to review what arrived, or with both."""
    items = _items(notice)
    topic = ORDER_UPDATES if updates else REVIEW_INVITATIONS
    stop = unsubscribe_url(notice.recipient, topic)
    number = str(notice.order_id)[-8:].upper()
    subject = (SUBJECTS[Kind(notice.kind)] if updates else INVITATION_SUBJECT).format(number=number, what=_what(items))
    home = settings.MARKETPLACE_URL
    context = {
        "notice": notice,
        "updates": updates,
        "invitation": invitation,
        "subject": subject,
        "number": number,
        "marketplace": settings.MARKETPLACE_NAME,
        "rows": [_row(item, notice.order.currency) for item in items],
        "total": money(sum(item.price_cents for item in items), notice.order.currency),
        "amount": money(notice.amount_cents, notice.order.currency),
        "order_url": home and notice.kind != Kind.NEW_ITEMS and f"{home}/orders/{notice.order_id}",
        "review_url": home and f"{home}/orders/{notice.order_id}/review",
        "unsubscribe_url": stop,
    }
    text = render_to_string(f"notices/{notice.kind}.txt", context)
    mail = EmailMultiAlternatives(
        subject,
        text,
        to=[notice.recipient.email],
        headers={
            # The same at every attempt, so that a mail that went out twice is shown once.
            "Message-ID": f"<{notice.pk}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2].rstrip('> ')}>",
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(render_to_string(f"notices/{notice.kind}.html", context), "text/html")
    return mail


def _items(notice: Notice) -> list[OrderItem]:
    """What a notice is about; a confirmation is about the whole order."""
    items = OrderItem.objects.filter(order=notice.order_id).select_related("product", "vendor").order_by("pk")
    if notice.kind != Kind.CONFIRMED:
        items = items.filter(pk__in=notice.lines.values("item"))
    return list(items)


def _row(item: OrderItem, currency: str) -> dict[str, Any]:
    return {
        "title": item.product.title,
        "quantity": item.quantity,
        "price": money(item.price_cents, currency),
        "vendor": str(item.vendor),
        "tracking_number": item.tracking_number,
    }


def _what(items: Sequence[OrderItem]) -> str:
    """“Moka pot”, or “Moka pot and 2 more”: one line, however a title was written."""
    if not items:
        return "your order"
    title = " ".join(items[0].product.title.split())
    title = f"{title[:LONGEST_TITLE]}…" if len(title) > LONGEST_TITLE + 1 else title
    return f"{title} and {len(items) - 1} more" if len(items) > 1 else title
