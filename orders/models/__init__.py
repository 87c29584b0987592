from orders.models.catalogue import (
    LONGEST_DESCRIPTION,
    MOST_CENTS,
    MOST_STOCK,
    FormerListing,
    Product,
    ProductQuerySet,
    RemovalGround,
    VendorTerms,
)
from orders.models.checkout import MOST_PIECES, CartItem, Checkout, CheckoutLine
from orders.models.notice import Notice, NoticeItem
from orders.models.order import (
    MOSTLY_REFUNDED,
    Order,
    OrderItem,
    OrderItemQuerySet,
    OrderQuerySet,
    mostly_refunded,
)
from orders.models.payment import PaymentEvent, WebhookSecret
from orders.models.refund import Dispute, Refund, RefundLine, RefundTotal

__all__ = [
    "LONGEST_DESCRIPTION",
    "MOSTLY_REFUNDED",
    "MOST_CENTS",
    "MOST_PIECES",
    "MOST_STOCK",
    "CartItem",
    "Checkout",
    "CheckoutLine",
    "Dispute",
    "FormerListing",
    "Notice",
    "NoticeItem",
    "Order",
    "OrderItem",
    "OrderItemQuerySet",
    "OrderQuerySet",
    "PaymentEvent",
    "Product",
    "ProductQuerySet",
    "Refund",
    "RefundLine",
    "RefundTotal",
    "RemovalGround",
    "VendorTerms",
    "WebhookSecret",
    "mostly_refunded",
]
