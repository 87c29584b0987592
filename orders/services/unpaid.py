"""How much stock somebody holds without paying: a bound by customer and by address, over a day."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from orders.models import Checkout
from trustengine.accounts.models import Profile
from trustengine.api.refusals import refused
from trustengine.errors import RateLimitExceeded
from trustengine.origins import Origin

DAY = timedelta(days=1)
UNPAID = (Checkout.State.OPEN, Checkout.State.EXPIRED, Checkout.State.FAILED)
BATCH = 1_000
MESSAGE = "Too many checkouts were not paid within a day. Please pay for one, or try again later."


def require_few_unpaid(customer: Profile, origin: Origin, now: datetime) -> None:
    """Raise RateLimitExceeded where a customer or an address has held stock unpaid too often within a day.

    A checkout and its renewals count once: they end at the same moment. Called under the
    customer's lock, so that it is exact for them; for an address it may be passed by as many
    as come at once.
    """
    unpaid = Checkout.objects.filter(created_at__gt=now - DAY, state__in=UNPAID)
    _require(unpaid.filter(customer=customer), settings.UNPAID_CHECKOUTS_PER_DAY, "unpaid-checkouts", now)
    if origin.ip_hash:
        of_address = unpaid.filter(ip_hash=origin.ip_hash)
        _require(of_address, settings.UNPAID_CHECKOUTS_PER_ADDRESS, "unpaid-checkouts-address", now)


def forget_addresses(now: datetime) -> int:
    """Blank where checkouts came from once no limit counts them any more; returns how many there were."""
    old = Checkout.objects.exclude(ip_hash="").filter(created_at__lt=now - DAY).order_by("created_at")
    return Checkout.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).update(ip_hash="")


def _require(unpaid: QuerySet[Checkout], allowed: int, limit: str, now: datetime) -> None:
    held = list(unpaid.values_list("customer", "expires_at").distinct()[:allowed])
    if len(held) < allowed:
        return
    oldest = unpaid.order_by("created_at").values_list("created_at", flat=True).first()
    wait = (oldest + DAY - now).total_seconds() if oldest else DAY.total_seconds()
    refused(RateLimitExceeded.code, limit=limit)
    raise RateLimitExceeded(max(1, round(wait)), MESSAGE)
