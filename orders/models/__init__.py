from orders.models.catalogue import Product, ProductQuerySet, VendorTerms
from orders.models.checkout import MOST_PIECES, CartItem, Checkout, CheckoutLine
from orders.models.notice import Notice, NoticeItem
from orders.models.order import Order, OrderItem, OrderItemQuerySet, OrderQuerySet
from orders.models.payment import PaymentEvent

__all__ = [
    "MOST_PIECES",
    "CartItem",
    "Checkout",
    "CheckoutLine",
    "Notice",
    "NoticeItem",
    "Order",
    "OrderItem",
    "OrderItemQuerySet",
    "OrderQuerySet",
    "PaymentEvent",
    "Product",
    "ProductQuerySet",
    "VendorTerms",
]
