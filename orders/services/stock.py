"""Stock: held by a checkout, sold by its payment, freed by its failure or expiry.

Every change is one conditional UPDATE of a product's row, in the order of product ids, so
that parallel checkouts take turns on a product and never wait for one another in a ring.
``Product.reserved`` is derived from ``CheckoutLine.held``; ``reconcile stock`` proves it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import BigIntegerField, F
from django.db.models.functions import Cast, Least

from orders.errors import OutOfStock, ProductInactive
from orders.models import MOST_STOCK, Checkout, CheckoutLine, Product

HOLD = """
    UPDATE orders_product SET reserved = reserved + CASE WHEN stock IS NULL THEN 0 ELSE %(quantity)s END
    WHERE id = %(product)s AND (is_active OR %(inactive_too)s) AND NOT is_hidden AND removed_at IS NULL
        AND (stock IS NULL OR stock - reserved >= %(quantity)s)
    RETURNING vendor_id, price_cents, currency, stock IS NOT NULL
"""


@dataclass(frozen=True)
class Held:
    """A product as it was when pieces of it were held: ``held`` is 0 where stock is not tracked."""

    product_id: UUID
    vendor_id: UUID
    quantity: int
    unit_price_cents: int
    currency: str
    held: int


def hold(quantities: Mapping[UUID, int], *, inactive_too: bool = False) -> list[Held]:
    """Keep pieces of these products from everybody else, until the transaction's end or ``free``.

    Locks the products in the order of their ids. Raises OutOfStock or ProductInactive,
    naming the first product that is to blame; the caller rolls back. ``inactive_too`` holds
    what its vendor no longer offers, but never what a moderator has taken out of view.
    """
    return [_hold(product, quantities[product], inactive_too) for product in sorted(quantities)]


def _hold(product_id: UUID, quantity: int, inactive_too: bool) -> Held:
    with connection.cursor() as cursor:
        cursor.execute(HOLD, {"product": product_id, "quantity": quantity, "inactive_too": inactive_too})
        row = cursor.fetchone()
    if row is None:
        sold = Product.objects.shown() if inactive_too else Product.objects.active()
        refusal = OutOfStock if sold.filter(pk=product_id).exists() else ProductInactive
        raise refusal(products=[str(product_id)])
    vendor, price, currency, tracked = row
    return Held(product_id, vendor, quantity, price, currency, quantity if tracked else 0)


def lock(products: Iterable[UUID]) -> None:
    """Lock products in the order of their ids, before some are freed and others held in one transaction."""
    rows = Product.objects.filter(pk__in=set(products)).order_by("pk")
    list(rows.select_for_update(of=("self",), no_key=True).values_list("pk"))


def sell(checkout: Checkout) -> None:
    """Turn what a locked checkout holds into sales: these pieces are gone."""
    for line in _holding(checkout):
        Product.objects.filter(pk=line.product_id).update(
            stock=F("stock") - line.held, reserved=F("reserved") - line.held
        )
    _hold_nothing(checkout)


def free(checkout: Checkout) -> None:
    """Give back what a locked checkout holds."""
    for line in _holding(checkout):
        Product.objects.filter(pk=line.product_id).update(reserved=F("reserved") - line.held)
    _hold_nothing(checkout)


def restock(quantities: Mapping[UUID, int]) -> None:
    """Put pieces back on the shelf, of products whose stock is tracked, and never more than it can count."""
    for product in sorted(quantities):
        Product.objects.filter(pk=product, stock__isnull=False).update(
            stock=Least(Cast(F("stock"), BigIntegerField()) + quantities[product], MOST_STOCK)
        )


def _holding(checkout: Checkout) -> Sequence[CheckoutLine]:
    return list(checkout.lines.filter(held__gt=0).order_by("product"))


def _hold_nothing(checkout: Checkout) -> None:
    checkout.lines.filter(held__gt=0).update(held=0)
