"""What orders hold about a person: as a customer. What they sell is their vendors'."""

from collections.abc import Iterator

from django.db.models import Prefetch, Q

from orders.models import (
    CartItem,
    Checkout,
    CheckoutLine,
    Dispute,
    Notice,
    NoticeItem,
    Order,
    OrderItem,
    PaymentEvent,
    Refund,
    RefundLine,
    RefundTotal,
)
from trustengine.accounts.exporting import Row, exporter, in_batches
from trustengine.accounts.models import User

ITEM = (
    "id",
    "product_id",
    "vendor_id",
    "quantity",
    "unit_price_cents",
    "fulfilment_status",
    "tracking_number",
    "shipped_at",
    "delivered_at",
    "returned_at",
    "cancelled_at",
    "refunded_at",
    "refunded_cents",
)
ORDER = ("id", "currency", "status", "placed_at", "day", "delivered_at")
CHECKOUT = (
    "id",
    "provider",
    "payment_intent_id",
    "amount_cents",
    "currency",
    "state",
    "expires_at",
    "order_id",
    "created_at",
)
LINE = ("product_id", "vendor_id", "quantity", "unit_price_cents", "held")
REFUND = (
    "id",
    "order_id",
    "checkout_id",
    "amount_cents",
    "currency",
    "reason",
    "note",
    "state",
    "provider",
    "payment_intent_id",
    "provider_refund_id",
    "failure",
    "created_at",
    "sent_at",
    "settled_at",
)
DISPUTE = ("id", "order", "amount_cents", "reason", "opened_at", "closed_at", "outcome")
NOTICE = ("id", "kind", "order_id", "occasion", "amount_cents", "state", "outcome", "created_at", "settled_at")


@exporter("orders.orders", "orders.Order", "orders.OrderItem")
def orders(user: User) -> Iterator[Row]:
    items = Prefetch("items", OrderItem.objects.select_related("product").order_by("pk"))
    for order in in_batches(Order.objects.filter(customer__user=user).prefetch_related(items)):
        bought = [members(item, ITEM) | {"title": item.product.title} for item in order.items.all()]
        yield members(order, ORDER) | {"items": bought}


@exporter("orders.cart", "orders.CartItem")
def cart(user: User) -> Iterator[Row]:
    yield from in_batches(CartItem.objects.filter(customer__user=user).values("id", "product", "quantity", "added_at"))


@exporter("orders.checkouts", "orders.Checkout", "orders.CheckoutLine")
def checkouts(user: User) -> Iterator[Row]:
    lines = Prefetch("lines", CheckoutLine.objects.order_by("pk"))
    for checkout in in_batches(Checkout.objects.filter(customer__user=user).prefetch_related(lines)):
        yield members(checkout, CHECKOUT) | {"lines": [members(line, LINE) for line in checkout.lines.all()]}


@exporter("orders.payment_events", "orders.PaymentEvent")
def payment_events(user: User) -> Iterator[Row]:
    rows = PaymentEvent.objects.filter(of_customer(user))
    yield from in_batches(rows.values("id", "type", "payment_intent_id", "payload", "state", "made_at", "received_at"))


@exporter("orders.refunds", "orders.Refund", "orders.RefundLine")
def refunds(user: User) -> Iterator[Row]:
    """Money that goes back to them; not who asked for it."""
    theirs = Q(order__customer__user=user) | Q(checkout__customer__user=user)
    lines = Prefetch("lines", RefundLine.objects.order_by("pk"))
    for refund in in_batches(Refund.objects.filter(theirs).prefetch_related(lines)):
        gives = [members(line, ("item_id", "amount_cents")) for line in refund.lines.all()]
        yield members(refund, REFUND) | {"lines": gives}


@exporter("orders.refund_totals", "orders.RefundTotal")
def refund_totals(user: User) -> Iterator[Row]:
    """What the provider said had gone back to them in all, payment by payment."""
    rows = RefundTotal.objects.filter(checkout__customer__user=user)
    yield from in_batches(rows.values("id", "checkout_id", "total_cents", "received_at"))


@exporter("orders.disputes", "orders.Dispute")
def disputes(user: User) -> Iterator[Row]:
    yield from in_batches(Dispute.objects.filter(order__customer__user=user).values(*DISPUTE))


@exporter("orders.notices", "orders.Notice", "orders.NoticeItem")
def notices(user: User) -> Iterator[Row]:
    """What they were told by e-mail, as customers and as members of vendors."""
    lines = Prefetch("lines", NoticeItem.objects.order_by("pk"))
    for notice in in_batches(Notice.objects.filter(recipient=user).prefetch_related(lines)):
        yield members(notice, NOTICE) | {"items": [line.item_id for line in notice.lines.all()]}


def of_customer(user: User) -> Q:
    """The payment events that belong to somebody's checkouts or orders."""
    intents = Checkout.objects.filter(customer__user=user).values("payment_intent_id")
    known = Q(checkout__customer__user=user) | Q(order__customer__user=user)
    return known | Q(payment_intent_id__in=intents)


def members(row: object, names: tuple[str, ...]) -> Row:
    return {name: getattr(row, name) for name in names}
