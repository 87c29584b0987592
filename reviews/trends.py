"""How much products are in demand: recent sales and counted reviews, the older the less.

A sale (one item of an order, neither cancelled nor refunded, however many pieces) weighs 1
and a counted review 2, whatever its stars; a weight halves with each
``TREND_HALF_LIFE_DAYS`` h. What is stored is the logarithm

    score = log2( Σ weight · 2^(time / h) )

of weights as seen from a fixed moment rather than from the present. Passing time lowers
all scores alike, which changes no order, so products at rest need no update. Facts older
than ``WINDOW`` half-lives, worth less than a thousandth, are left out.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from orders.models import MOSTLY_REFUNDED, Product
from reviews.models import ProductTrend

SALE_WEIGHT, REVIEW_WEIGHT = 1, 2
WINDOW = 10  # half-lives
NO_TREND = -1e6  # below any score there can be

REFRESH = f"""
    WITH facts AS (
        SELECT item.product_id, least(placed.placed_at, now()) AS moment, %(sale)s::float8 AS weight
        FROM orders_orderitem AS item JOIN orders_order AS placed ON placed.id = item.order_id
        WHERE item.product_id = ANY(%(products)s) AND item.fulfilment_status <> 'cancelled'
            AND NOT {MOSTLY_REFUNDED} AND placed.placed_at > now() - make_interval(secs => %(window)s)
        UNION ALL
        SELECT product_id, least(created_at, now()), %(review)s::float8 FROM reviews_review
        WHERE product_id = ANY(%(products)s) AND created_at > now() - make_interval(secs => %(window)s)
            AND status = 'approved' AND NOT is_hidden AND deleted_at IS NULL AND restricted_at IS NULL
            AND removed_at IS NULL
            AND purchase_refunded_at IS NULL AND quarantined_at IS NULL
    ), aged AS (
        SELECT product_id, weight, extract(epoch FROM moment)::float8 / %(half_life)s AS age,
            max(extract(epoch FROM moment)::float8 / %(half_life)s) OVER (PARTITION BY product_id) AS newest
        FROM facts
    )
    INSERT INTO reviews_producttrend AS trend (product_id, score, computed_at)
    SELECT product_id, newest + ln(sum(weight * power(2, age - newest))) / ln(2), now()
    FROM aged GROUP BY product_id, newest ORDER BY product_id
    ON CONFLICT (product_id) DO UPDATE SET score = EXCLUDED.score, computed_at = EXCLUDED.computed_at
    RETURNING product_id
"""


@transaction.atomic
def refresh(product_ids: Collection[UUID]) -> None:
    """Derive the trends of these products; those without a recent sale or review have none."""
    half_life = settings.TREND_HALF_LIFE_DAYS * 86_400
    values: dict[str, Any] = {
        "products": sorted(product_ids),
        "share": settings.REFUND_SHARE_UNCOUNTED,
        "sale": SALE_WEIGHT,
        "review": REVIEW_WEIGHT,
        "half_life": half_life,
        "window": WINDOW * half_life,
    }
    with connection.cursor() as cursor:
        cursor.execute(REFRESH, values)
        found = {product for (product,) in cursor.fetchall()}
    ProductTrend.objects.filter(pk__in=sorted(set(product_ids) - found)).delete()


def refresh_page(after: UUID | None, *, size: int) -> UUID | None:
    """Refresh the next products in order; returns the last of them, None where there is no further page."""
    products = Product.objects.order_by("pk")
    page = list((products.filter(pk__gt=after) if after else products).values_list("pk", flat=True)[:size])
    if page:
        refresh(page)
    return page[-1] if len(page) == size else None
