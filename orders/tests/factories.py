"""Rows for tests: a delivered order item with everything around it, unless told otherwise."""

from datetime import timedelta

import factory
from django.utils import timezone

from orders.models import Order, OrderItem, Product
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
    quantity = 1
    unit_price_cents = 1_999
