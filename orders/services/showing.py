"""Whether a product may be read by the public: the same answer for every page and list about it."""

from uuid import UUID

from django.db.models import QuerySet

from orders.errors import ContentRemoved
from orders.models import Product
from trustengine.errors import DomainError, NotFound


def find_shown(product_id: UUID, products: QuerySet[Product] | None = None) -> Product:
    """A product that no moderator has taken out of view, on offer or not. Raises NotFound, ContentRemoved."""
    rows = Product.objects.all() if products is None else products
    product = rows.filter(pk=product_id).first()
    if product is None:
        raise NotFound
    require_shown(product)
    return product


def require_shown(product: Product, *, not_found: type[DomainError] = NotFound) -> None:
    """Raise ``not_found`` for a hidden product, and ContentRemoved with the ground for a removed one."""
    if product.removed_at is not None:
        raise ContentRemoved(product.tombstone)
    if product.is_hidden:
        raise not_found
