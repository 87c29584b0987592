from orders.models.catalogue import MOST_CENTS, MOST_STOCK, Product, ProductQuerySet, VendorTerms
from orders.models.checkout import MOST_PIECES, CartItem, Checkout, CheckoutLine
from orders.models.order import Order, OrderItem, OrderItemQuerySet, OrderQuerySet
from orders.models.payment import PaymentEvent, WebhookSecret
from orders.models.refund import Dispute, Refund, RefundLine

__all__ = [
    "MOST_CENTS",
    "MOST_PIECES",
    "MOST_STOCK",
    "CartItem",
    "Checkout",
    "CheckoutLine",
    "Dispute",
    "Order",
    "OrderItem",
    "OrderItemQuerySet",
    "OrderQuerySet",
    "PaymentEvent",
    "Product",
    "ProductQuerySet",
    "Refund",
    "RefundLine",
    "VendorTerms",
    "WebhookSecret",
]
