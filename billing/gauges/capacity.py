"""What a scrape tells about outside services."""

from collections.abc import Sequence

from django.db.models import Count
from django.db.models.functions import Now

from billing.models import CapacityLease, ProviderEndpoint
from billing.models.capacity import CHARGED, WINDOW
from trustengine.insight import gauge


@gauge("trustengine_capacity_in_use", "Calls to an outside service under way.", labels=["provider", "endpoint"])
def capacity_in_use() -> dict[Sequence[str], float]:
    none: dict[Sequence[str], float] = dict.fromkeys(ProviderEndpoint.objects.values_list("provider", "endpoint"), 0)
    held = CapacityLease.objects.filter(state=CapacityLease.State.HELD, expires_at__gt=Now()).order_by()
    calls = held.values_list("endpoint__provider", "endpoint__endpoint").annotate(Count("pk"))
    return none | {(provider, endpoint): count for provider, endpoint, count in calls}


@gauge(
    "trustengine_capacity_tokens_last_minute",
    "Tokens of an outside service charged in the last 60 seconds.",
    labels=["provider", "endpoint"],
)
def capacity_tokens() -> dict[Sequence[str], float]:
    recent = CapacityLease.objects.filter(acquired_at__gt=Now() - WINDOW).order_by()
    charged = recent.values_list("endpoint__provider", "endpoint__endpoint").annotate(tokens=CHARGED)
    return {(provider, endpoint): tokens for provider, endpoint, tokens in charged}
