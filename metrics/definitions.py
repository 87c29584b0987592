"""What each number means, once, in the SQL that computes it. Everything else here only says of which orders.

A line of the facts is one order item. ``docs/metrics.md`` says the same in words.

**counts**: the order is confirmed, shipped or delivered, and the item is not cancelled. An
order that was cancelled or refunded in full counts for nothing, nor does its money.

**price**: quantity × unit price. **refunded**: what of it has been paid back so far.

**fee**: the vendor's present ``fee_bps`` (else ``PLATFORM_FEE_BPS``) of price less refunded,
rounded to the cent for each item, half to even. Exact in integers: of ten thousandths of a
cent *n*, that is ``(n + 4999 + (n / 10000) % 2) / 10000`` with divisions that round down.
The whole and the rest of the division by 10,000 are multiplied apart, so that no price overflows.

**day** and **tick**: the order's, by the marketplace's clock, which were written when it
was placed, or imported.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from django.conf import settings

from metrics.models import Sums
from orders.clock import TICKS_OF_HOUR
from reviews.models import Review

FEE = """(
        net / 10000 * bps + (net %% 10000 * bps + 4999 + (net / 10000 * bps + net %% 10000 * bps / 10000) %% 2) / 10000
    )"""

FACTS = f"""
    SELECT vendor_id, day, currency, product_id, order_id, tick, counts, quantity, price, refunded,
        {FEE} AS fee, is_cancelled, is_refunded, delivery_seconds
    FROM (
        SELECT
            item.vendor_id, item.product_id, item.order_id, item.day, item.tick, purchase.currency,
            purchase.status IN ('confirmed', 'shipped', 'delivered')
                AND item.fulfilment_status <> 'cancelled' AS counts,
            item.quantity,
            item.quantity * item.unit_price_cents AS price,
            item.refunded_cents AS refunded,
            item.quantity * item.unit_price_cents - item.refunded_cents AS net,
            coalesce(terms.fee_bps, %(default_bps)s) AS bps,
            item.fulfilment_status = 'cancelled' AS is_cancelled,
            item.fulfilment_status <> 'cancelled' AND item.refunded_at IS NOT NULL AS is_refunded,
            floor(extract(epoch FROM item.delivered_at - purchase.placed_at))::bigint AS delivery_seconds
        FROM {{scope}} LEFT JOIN orders_vendorterms AS terms ON terms.profile_id = item.vendor_id
    ) AS line
"""

# Which orders; each names its tables ``purchase`` and ``item``.
OF_DAYS = """
    orders_order AS purchase JOIN orders_orderitem AS item
        ON item.order_id = purchase.id AND purchase.day = ANY(%(whole_days)s::date[])
"""
# OFFSET 0 lets each row be looked up by its index: these are few, which the planner cannot know.
OF_VENDOR_DAYS = """
    {wanted} CROSS JOIN LATERAL (
        SELECT * FROM orders_orderitem WHERE vendor_id = wanted.vendor_id AND day = wanted.day OFFSET 0
    ) AS item JOIN LATERAL (
        SELECT currency, status, placed_at FROM orders_order WHERE id = item.order_id OFFSET 0
    ) AS purchase ON purchase.currency = wanted.currency
"""
OF_TICKS = """
    ({wanted}) AS wanted CROSS JOIN LATERAL (
        SELECT id, currency, status, placed_at FROM orders_order
        WHERE day = wanted.day AND tick = wanted.tick AND currency = wanted.currency OFFSET 0
    ) AS purchase CROSS JOIN LATERAL (
        SELECT * FROM orders_orderitem WHERE order_id = purchase.id OFFSET 0
    ) AS item
"""

HOUR_OF_TICK = f"tick / {TICKS_OF_HOUR}"

SUMS = """
    count(DISTINCT order_id) FILTER (WHERE counts) AS orders,
    coalesce(sum(quantity) FILTER (WHERE counts), 0)::bigint AS units,
    coalesce(sum(price) FILTER (WHERE counts), 0)::bigint AS gmv_cents,
    coalesce(sum(refunded) FILTER (WHERE counts), 0)::bigint AS refunds_cents,
    coalesce(sum(fee) FILTER (WHERE counts), 0)::bigint AS platform_fees_cents,
    count(*) AS placed_items,
    count(*) FILTER (WHERE is_cancelled) AS cancelled_items,
    count(*) FILTER (WHERE is_refunded) AS refunded_items,
    count(delivery_seconds) AS delivered_items,
    coalesce(sum(delivery_seconds), 0)::bigint AS delivery_seconds
"""
PRODUCT_SUMS = """
    count(DISTINCT order_id) AS orders, sum(quantity)::bigint AS units, sum(price)::bigint AS gmv_cents
"""
PRODUCT_NUMBERS = ("orders", "units", "gmv_cents")
STARS = ("stars_1", "stars_2", "stars_3", "stars_4", "stars_5")
STAR_SUMS = ", ".join(f"count(*) FILTER (WHERE rating = {star}) AS stars_{star}" for star in range(1, 6))


def facts(scope: str) -> str:
    """One line for each order item of a scope, with ``parameters()``."""
    return FACTS.format(scope=scope)


def first_tick(hour: str) -> str:
    """The first tick of an hour."""
    return f"{hour} * {TICKS_OF_HOUR}"


@cache
def counted_reviews() -> str:
    """Reviews that their product's rating is made of: vendor_id, day on which they were written, created_at, rating."""
    counted = Review.objects.counted().order_by().values("product_id", "rating", "created_at")
    statement, values = counted.query.sql_with_params()
    assert all(isinstance(value, str) and "'" not in value for value in values), "each stands in the text as it is"
    return f"""
        SELECT product.vendor_id, (review.created_at AT TIME ZONE %(zone)s)::date AS day, review.created_at, rating
        FROM ({statement % tuple(f"'{value}'" for value in values)}) AS review
            JOIN orders_product AS product ON product.id = review.product_id
    """


def parameters() -> dict[str, Any]:
    """What the definitions take from the settings."""
    return {"zone": settings.MARKETPLACE_TIME_ZONE, "default_bps": settings.PLATFORM_FEE_BPS}


def totals(names: Sequence[str] = Sums.NUMBERS) -> str:
    """The same numbers, added up over rows that hold them already."""
    return ", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in names)


def listed(names: Collection[str], prefix: str = "") -> str:
    """Columns of these names."""
    return ", ".join(f"{prefix}{name}" for name in names)


def replaced(names: Collection[str]) -> str:
    """For ``ON CONFLICT DO UPDATE SET``: what is new, in place of what was."""
    return ", ".join(f"{name} = excluded.{name}" for name in names)
