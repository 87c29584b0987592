"""Very many orders at once, made by PostgreSQL itself: for plans, which small tables say nothing about."""

from uuid import UUID

from django.db import connection

from orders.models import Order, OrderItem
from orders.tests.factories import OrderFactory
from trustengine.accounts.tests.factories import VendorFactory

ORDERS = """
    INSERT INTO orders_order (id, customer_id, currency, status, placed_at, day, tick, updated_at)
    SELECT md5('order ' || n)::uuid, %(customer)s, 'EUR', 'confirmed', now() - n * interval '1 second', now(),
           n %% 5760, now()
    FROM generate_series(1, %(orders)s) AS n
"""
PRODUCTS = """
    INSERT INTO orders_product (id, vendor_id, title, description, price_cents, currency, reserved, is_active,
                                is_hidden, removal_reason, removal_ground, listing_version, report_count,
                                created_at, updated_at)
    SELECT md5('product ' || n)::uuid, %(vendor)s, 'Product ' || n, '', 999, 'EUR', 0, true,
           false, '', '', 1, 0, now(), now()
    FROM generate_series(0, 499) AS n
"""
ITEMS = """
    INSERT INTO orders_orderitem (id, order_id, product_id, vendor_id, day, tick, quantity, unit_price_cents,
                                  fulfilment_status, tracking_number, refunded_cents, updated_at, delivered_at)
    SELECT md5('item ' || n || ' ' || k)::uuid, md5('order ' || n)::uuid, md5('product ' || (n * 7 + k) %% 500)::uuid,
           %(vendor)s, now(), n %% 5760, 1, 999,
           (ARRAY['pending', 'processing', 'shipped', 'delivered'])[1 + (n + k) %% 4], '', 0, now(),
           CASE WHEN (n + k) %% 4 = 3 THEN now() END
    FROM generate_series(1, %(orders)s) AS n, generate_series(1, 4) AS k
"""


def many_orders(count: int) -> UUID:
    """Orders of four items each, all of them confirmed, rightly or not; returns the id of one of them.

    For tests with ``transaction=True``, outside of which nothing is vacuumed.
    """
    values = {"orders": count, "customer": OrderFactory().customer.pk, "vendor": VendorFactory().pk}
    with connection.cursor() as cursor:
        cursor.execute(PRODUCTS, values)
        cursor.execute(ORDERS, values)
        cursor.execute(ITEMS, values)
        cursor.execute(f"VACUUM ANALYZE {Order._meta.db_table}, {OrderItem._meta.db_table}")
        cursor.execute("SELECT md5('order ' || %s)::uuid", [count // 2])
        found: UUID = cursor.fetchone()[0]
    return found
