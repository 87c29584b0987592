"""Days of orders over many vendors, made by PostgreSQL itself."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from orders.clock import SECONDS_OF_TICK, TICKS_OF_DAY
from orders.models import Product
from trustengine.accounts.models import Profile, User
from trustengine.database.timeouts import long_running

# Two orders in three have one item, the third has two, of two vendors. More come by day than by night.
ORDERS = """
    INSERT INTO orders_order (id, customer_id, currency, status, placed_at, day, tick, updated_at)
    SELECT md5(%(day)s || ' order ' || n)::uuid, %(customer)s, %(currency)s, 'confirmed',
           %(noon)s + make_interval(secs => (tick - %(half)s) * %(seconds)s), %(day)s, tick, now()
    FROM generate_series(1, %(orders)s) AS n, LATERAL (
        SELECT floor(%(half)s + (%(half)s - 1)
            * ((n * 7919::bigint %% 100003 + n * 104729::bigint %% 100019) / 100011.0 - 1))::int AS tick
    ) AS placed
"""
ITEMS = """
    INSERT INTO orders_orderitem (id, order_id, product_id, vendor_id, day, tick, quantity, unit_price_cents,
                                  fulfilment_status, tracking_number, refunded_cents, updated_at)
    SELECT md5(%(day)s || ' item ' || n || ' ' || k)::uuid, purchase.id, product.id, product.vendor_id,
           purchase.day, purchase.tick, 1 + n %% 3, product.price_cents, 'pending', '', 0, now()
    FROM generate_series(1, %(orders)s) AS n
        JOIN orders_order AS purchase ON purchase.id = md5(%(day)s || ' order ' || n)::uuid,
        generate_series(0, 1) AS k,
        LATERAL (SELECT (%(products)s::uuid[])[1 + (n * 7 + k * 13) %% %(count)s] AS id) AS picked
        JOIN orders_product AS product ON product.id = picked.id
    WHERE k = 0 OR n %% 3 = 0
"""


@dataclass(frozen=True)
class Shops:
    """Who sells, what, and who buys it all."""

    customer: Profile
    products: Sequence[Product]


def make_shops(vendors: int, *, products_each: int) -> Shops:
    sellers = Profile.objects.bulk_create(Profile(kind=Profile.Kind.VENDOR) for _ in range(vendors))
    products = Product.objects.bulk_create(
        Product(vendor=seller, title="A thing", price_cents=999 + number, currency=settings.MARKETPLACE_CURRENCY)
        for number, seller in enumerate(sellers * products_each)
    )
    return Shops(Profile.objects.create(kind=Profile.Kind.CUSTOMER, user=User.objects.create()), products)


def noon_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(settings.MARKETPLACE_TIME_ZONE))


def make_days(shops: Shops, days: Collection[date], orders: int) -> None:
    """So many orders on each of these days, in transactions of a day."""
    values: dict[str, Any] = {
        "orders": orders,
        "customer": shops.customer.pk,
        "currency": settings.MARKETPLACE_CURRENCY,
        "products": [product.pk for product in shops.products],
        "count": len(shops.products),
        "half": TICKS_OF_DAY // 2,
        "seconds": SECONDS_OF_TICK,
    }
    for day in days:
        with long_running(), transaction.atomic(), connection.cursor() as cursor:
            for statement in (ORDERS, ITEMS):
                cursor.execute(statement, values | {"day": day, "noon": noon_of(day)})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
