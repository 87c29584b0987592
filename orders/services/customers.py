"""For whom a user buys."""

from orders.models import CartItem
from trustengine.accounts.access import require_good_standing
from trustengine.accounts.models import Profile, User
from trustengine.errors import PermissionDenied


def buying_profile(user: User) -> Profile:
    """The customer profile that a user buys for: their own.

    Raises AccountSuspended, and PermissionDenied for an account that is no customer.
    """
    require_good_standing(user)
    profile = Profile.objects.filter(user=user, kind=Profile.Kind.CUSTOMER).first()
    if profile is None:
        raise PermissionDenied("This account is not a customer's.")
    return profile


def lock_customer(customer: Profile) -> None:
    """Let what changes a customer's cart and checkouts take turns until commit. Comes before any other lock."""
    Profile.objects.select_for_update(of=("self",), no_key=True).get(pk=customer.pk)


def cart_of(user: User) -> list[CartItem]:
    """What a user means to buy, in the order in which it was added, with products and vendors."""
    own = CartItem.objects.filter(customer__user=user)
    return list(own.select_related("product__vendor").order_by("added_at", "pk"))
