"""What billing takes away of a person: what they used as a customer, hour by hour, and their plan."""

from billing.services.months import delete_usage_of
from billing.services.subscriptions import When, cancel_subscription
from trustengine.accounts.erasing import eraser
from trustengine.accounts.models import Profile, User


@eraser("billing.subscription", order=42)
def end_subscription(user: User, limit: int) -> int:
    """They have no plan any more. That they had one stays, as a record of commerce."""
    for profile in Profile.objects.filter(user=user):
        cancel_subscription(profile.pk, when=When.NOW, actor=None)
    return 0


@eraser("billing.usage", order=43)
def forget_usage(user: User, limit: int) -> int:
    """When they did what: events, and the months and alerts made of them."""
    return sum(delete_usage_of(profile.pk, limit) for profile in Profile.objects.filter(user=user))
