"""The cart: what a customer means to buy. It holds nothing, and is no concern of the audit log."""

from uuid import UUID

from django.conf import settings
from django.db import transaction

from orders.errors import ProductInactive
from orders.models import CartItem, Product
from orders.services.customers import buying_profile, lock_customer
from trustengine.accounts.models import User
from trustengine.errors import InvalidInput, NotFound


@transaction.atomic
def put_in_cart(product_id: UUID, *, quantity: int, actor: User) -> CartItem:
    """Have so many pieces of a product in the actor's cart, whatever was in it of them before.

    Raises NotFound, ProductInactive, InvalidInput for a cart that holds as many products
    as it may, AccountSuspended, PermissionDenied for an account that is no customer.
    """
    customer = buying_profile(actor)
    product = Product.objects.select_related("vendor").filter(pk=product_id).first()
    if product is None:
        raise NotFound
    if not product.is_offered:
        raise ProductInactive(products=[str(product.pk)])
    lock_customer(customer)  # so that the count below holds, and one product becomes one row
    cart = CartItem.objects.filter(customer=customer)
    if cart.exclude(product=product).count() >= settings.CART_PRODUCTS:
        raise InvalidInput(f"A cart holds at most {settings.CART_PRODUCTS} different products.")
    item, _ = cart.update_or_create(customer=customer, product=product, defaults={"quantity": quantity})
    item.product = product
    return item


@transaction.atomic
def take_from_cart(product_id: UUID, *, actor: User) -> bool:
    """Take a product out of the actor's cart; False if it was not in it. Raises as ``put_in_cart`` does."""
    customer = buying_profile(actor)
    taken, _ = CartItem.objects.filter(customer=customer, product=product_id).delete()
    if not taken and not Product.objects.filter(pk=product_id).exists():
        raise NotFound
    return bool(taken)
