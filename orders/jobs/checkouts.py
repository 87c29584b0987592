"""Checkouts end: by themselves, or because nobody pays."""

from uuid import UUID

import structlog

from orders.errors import ProviderRefused
from orders.models import Checkout
from orders.payments import provider_named
from trustengine.database_time import database_now
from trustengine.jobs.registry import job, scheduled, subscribe
from trustengine.jobs.services import enqueue

OVERDUE_AT_ONCE = 1_000
MODERATED_AT_ONCE = 100

logger = structlog.get_logger(__name__)


@job(queue="high")
def expire_checkout(checkout_id: str) -> None:
    """Give back what a checkout holds, at the end of its time."""
    from orders.services.checkout import close_if_overdue  # which enqueues this very job

    close_if_overdue(UUID(checkout_id))


@scheduled("* * * * *")
@job(queue="high", atomic=False)
def expire_checkouts() -> int:
    """Find what no job of its own has ended, such as after a restored backup; each in a transaction of its own."""
    from orders.services.checkout import close_if_overdue

    overdue = Checkout.objects.overdue().order_by("expires_at", "pk").values_list("pk", flat=True)
    return sum([close_if_overdue(checkout) for checkout in overdue[:OVERDUE_AT_ONCE]])


@scheduled("27 * * * *")
@job(queue="low")
def forget_addresses() -> int:
    """Forget where checkouts of more than a day ago came from."""
    from orders.services.unpaid import forget_addresses as forget

    return forget(database_now())


@subscribe("orders.product_moderated", key="product_id")
@job(queue="high", coalesce=True, long=True)
def close_checkouts(key: str) -> None:
    """End the open checkouts of a product that a moderator has taken out of view, a part at a time."""
    from orders.services.checkout import close_checkouts_of

    if close_checkouts_of(UUID(key), limit=MODERATED_AT_ONCE) == MODERATED_AT_ONCE:
        enqueue(close_checkouts, key=key)


@job(queue="low", atomic=False)
def cancel_intent(provider: str, intent_id: str) -> bool:
    """No longer ask for a payment that nobody is to make. A repeat changes nothing.

    False where it was too late: the payment's event tells what follows.
    """
    try:
        return provider_named(provider).cancel_intent(intent_id)
    except ProviderRefused as refusal:  # it will never be cancelled, and a late payment is refunded
        logger.warning("intent_not_cancelled", intent=intent_id, reason=refusal.reason)
        return False
