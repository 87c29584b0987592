"""Carts and checkouts for tests, made by the services."""

from typing import Any

from orders.models import CartItem, CheckoutLine, Product
from orders.services import Started, put_in_cart, start_checkout
from orders.tests.factories import ProductFactory
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import UserFactory


def cart(*products: Product, quantity: int = 1, buyer: User | None = None) -> User:
    """Somebody with these products in their cart."""
    buyer = buyer or UserFactory()
    for product in products:
        put_in_cart(product.pk, quantity=quantity, actor=buyer)
    return buyer


def checked_out(*products: Product, quantity: int = 1, **options: Any) -> Started:
    """An open checkout of these products, or of one of which there are ten."""
    return start_checkout(actor=cart(*(products or [ProductFactory(stock=10)]), quantity=quantity, **options))


def stock_of(product: Product) -> tuple[int | None, int]:
    """Pieces on hand, and of these reserved."""
    fresh = Product.objects.get(pk=product.pk)
    return fresh.stock, fresh.reserved


def assert_reserved_is_what_checkouts_hold() -> None:
    for product in Product.objects.all():
        held = sum(CheckoutLine.objects.filter(product=product).values_list("held", flat=True))
        assert product.reserved == held
        assert product.available is None or product.available >= 0


def cart_contents(buyer: User) -> dict[Any, int]:
    return dict(CartItem.objects.filter(customer__user=buyer).values_list("product", "quantity"))
