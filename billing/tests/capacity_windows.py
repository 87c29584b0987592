"""What holds of leases at every moment, worked out from the rows alone."""

from datetime import datetime, timedelta

from billing.models import CapacityLease

MINUTE = timedelta(minutes=1)


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
