"""Checkouts a second: everybody wants the same product, against everybody another."""

from django.conf import settings

from orders.models import CartItem, Product
from orders.services import start_checkout
from trustengine.accounts.models import Membership, Profile, User
from trustengine.devtools.bench.crowd import per_second
from trustengine.devtools.bench.rounds import Figures, Size, ratio

THREADS = (1, 8)


def measure(size: Size) -> Figures:
    """By one and by eight threads, each checkout by another customer; the local provider takes no time."""
    figures: dict[str, float] = {}
    for threads in THREADS:
        spread, hot = (_checkouts_per_second(size.checkouts, threads, products) for products in (size.checkouts, 1))
        figures |= {
            f"one_product_{threads}_per_second": hot,
            f"spread_{threads}_per_second": spread,
            f"spread_to_one_product_{threads}": ratio(spread, hot),
        }
    return figures


def _checkouts_per_second(count: int, threads: int, products: int) -> float:
    buyers = _buyers(count, products)
    return per_second(lambda buyer: start_checkout(actor=buyer), buyers, threads)


def _buyers(count: int, products: int) -> list[User]:
    """Customers with one product in each cart, in turn."""
    vendor = Profile.objects.create(kind=Profile.Kind.VENDOR)
    offered = Product.objects.bulk_create(
        Product(vendor=vendor, title="Offer", price_cents=900, currency=settings.MARKETPLACE_CURRENCY, stock=count)
        for _ in range(products)
    )
    users = User.objects.bulk_create(User() for _ in range(count))
    profiles = Profile.objects.bulk_create(Profile(kind=Profile.Kind.CUSTOMER, user=user) for user in users)
    Membership.objects.bulk_create(
        Membership(user=user, profile=profile, role=Membership.Role.OWNER)
        for user, profile in zip(users, profiles, strict=True)
    )
    CartItem.objects.bulk_create(
        CartItem(customer=profile, product=offered[number % products], quantity=1)
        for number, profile in enumerate(profiles)
    )
    return users
