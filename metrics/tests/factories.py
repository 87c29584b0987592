"""Days for tests: as if they had been aggregated."""

import factory
from django.utils import timezone

from metrics.models import PlatformDaily, ProductDaily, VendorDaily, VendorRatingDaily
from orders.tests.factories import ProductFactory
from trustengine.accounts.tests.factories import VendorFactory


class _Daily(factory.django.DjangoModelFactory):
    day = factory.LazyFunction(timezone.localdate)
    currency = "EUR"


class VendorDailyFactory(_Daily):
    """Three orders of four pieces for 100.00 in all, with a fee of 15 %."""

    class Meta:
        model = VendorDaily

    vendor = factory.SubFactory(VendorFactory)
    orders = 3
    units = 4
    gmv_cents = 10_000
    platform_fees_cents = 1_500
    placed_items = 4
    aggregated_at = factory.LazyFunction(timezone.now)


class PlatformDailyFactory(_Daily):
    class Meta:
        model = PlatformDaily

    orders = 3
    units = 4
    gmv_cents = 10_000
    platform_fees_cents = 1_500
    placed_items = 4
    aggregated_at = factory.LazyFunction(timezone.now)


class ProductDailyFactory(_Daily):
    class Meta:
        model = ProductDaily

    product = factory.SubFactory(ProductFactory)
    vendor = factory.SelfAttribute("product.vendor")
    orders = 1
    units = 1
    gmv_cents = 1_999


class VendorRatingDailyFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = VendorRatingDaily

    vendor = factory.SubFactory(VendorFactory)
    day = factory.LazyFunction(timezone.localdate)
    aggregated_at = factory.LazyFunction(timezone.now)
