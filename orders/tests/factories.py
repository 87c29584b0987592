"""Rows for tests: a delivered order item with everything around it, unless told otherwise."""

from datetime import timedelta

import factory
from django.utils import timezone

from orders.clock import tick_of
from orders.models import Checkout, Notice, Order, OrderItem, PaymentEvent, Product
from trustengine.accounts.tests.factories import UserFactory, VendorFactory


class ProductFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Product

    vendor = factory.SubFactory(VendorFactory)
    title = factory.Sequence(lambda n: f"Product {n}")
    price_cents = 1_999
    currency = "EUR"


class OrderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Order

    class Params:
        buyer = factory.SubFactory(UserFactory)

    customer = factory.LazyAttribute(lambda order: order.buyer.customer_profile)
    currency = "EUR"
    placed_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=10))
    day = factory.LazyAttribute(lambda order: timezone.localdate(order.placed_at))
    tick = factory.LazyAttribute(lambda order: tick_of(order.placed_at))


class OrderItemFactory(factory.django.DjangoModelFactory):
    """Pending, unless ``delivered``."""

    class Meta:
        model = OrderItem

    class Params:
        delivered = factory.Trait(
            fulfilment_status="delivered",
            shipped_at=factory.LazyFunction(lambda: timezone.now() - timedelta(days=7)),
            delivered_at=factory.LazyFunction(lambda: timezone.now() - timedelta(days=5)),
        )

    order = factory.SubFactory(OrderFactory)
    product = factory.SubFactory(ProductFactory)
    vendor = factory.SelfAttribute("product.vendor")
    day = factory.SelfAttribute("order.day")
    tick = factory.SelfAttribute("order.tick")
    quantity = 1
    unit_price_cents = 1_999


class CheckoutFactory(factory.django.DjangoModelFactory):
    """Open, and still in time."""

    class Meta:
        model = Checkout

    customer = factory.LazyFunction(lambda: UserFactory().customer_profile)
    provider = "local"
    payment_intent_id = factory.Sequence(lambda n: f"pi_{n}")
    amount_cents = 1_999
    currency = "EUR"
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=15))


class PaymentEventFactory(factory.django.DjangoModelFactory):
    """Just received."""

    class Meta:
        model = PaymentEvent

    id = factory.Sequence(lambda n: f"evt_{n}")
    type = "payment_intent.succeeded"
    payment_intent_id = factory.Sequence(lambda n: f"pi_{n}")
    payload = factory.LazyFunction(lambda: {"data": {"object": {"receipt_email": "ada@example.org"}}})
    made_at = factory.LazyFunction(timezone.now)


class NoticeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Notice

    kind = "shipped"
    order = factory.SubFactory(OrderFactory)
    recipient = factory.LazyAttribute(lambda notice: notice.order.customer.user)
