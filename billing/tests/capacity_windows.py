"""An endpoint to call, and what holds of its leases at every moment, worked out from the rows alone."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.errors import CapacityExceeded
from billing.models import CapacityLease, ProviderEndpoint
from billing.services.capacity import Lease, acquire

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def endpoint(**limits: int | bool) -> ProviderEndpoint:
    return ProviderEndpoint.objects.create(provider="acme", endpoint="chat", **limits)


def take(tokens: int = 10, seconds: float = 0) -> Lease:
    """Acquire so many seconds after noon."""
    return acquire("acme", "chat", tokens, at=NOON + timedelta(seconds=seconds))


def refused(tokens: int = 10, seconds: float = 0) -> tuple[str, int]:
    """What there is no room in then, and how long to wait; fails if there is room."""
    with pytest.raises(CapacityExceeded) as refusal:
        take(tokens, seconds)
    return refusal.value.limit, refusal.value.retry_after


def busiest_minute(leases: list[CapacityLease]) -> tuple[int, int]:
    """The most requests, and the most tokens, that any 60 seconds saw. Such a minute begins with a lease."""
    minutes = [
        [other for other in leases if lease.acquired_at <= other.acquired_at < lease.acquired_at + MINUTE]
        for lease in leases
    ]
    requests = max(map(len, minutes), default=0)
    tokens = max((sum(charged(lease) for lease in minute) for minute in minutes), default=0)
    return requests, tokens


def most_parallel(leases: list[CapacityLease]) -> int:
    """The most calls that were under way together: that many were so when one of them began."""
    return max((sum(_runs_at(other, lease.acquired_at) for other in leases) for lease in leases), default=0)


def charged(lease: CapacityLease) -> int:
    return lease.estimate_tokens if lease.actual_tokens is None else lease.actual_tokens


def _runs_at(lease: CapacityLease, moment: datetime) -> bool:
    ended = min(lease.settled_at or lease.expires_at, lease.expires_at)
    return lease.acquired_at <= moment < ended
