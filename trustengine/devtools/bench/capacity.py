"""Leases a second of one outside service: what its capacity costs beside the call, which takes no time here."""

from datetime import timedelta

from billing.models import CapacityLease, ProviderEndpoint
from billing.services.capacity import acquire, settle
from trustengine.accounts.models import User
from trustengine.database_time import database_now
from trustengine.devtools.bench.crowd import per_second
from trustengine.devtools.bench.rounds import Figures, Size, ratio

THREADS = (1, 8)
PROVIDER, LIMIT = "bench", 100_000


def measure(size: Size) -> Figures:
    """Acquired and settled by one and by eight threads, on an endpoint without calls in its minute and with many."""
    figures: dict[str, float] = {}
    for threads in THREADS:
        quiet, busy = (_per_second(size.leased, threads, recent) for recent in (0, size.recent_leases))
        figures |= {
            f"quiet_{threads}_per_second": quiet,
            f"busy_{threads}_per_second": busy,
            f"quiet_to_busy_{threads}": ratio(quiet, busy),
        }
    return figures


def _per_second(count: int, threads: int, recent: int) -> float:
    """``recent`` calls were made in the last minute already, and have ended."""
    name = f"{threads}-{recent}"
    endpoint = ProviderEndpoint.objects.create(
        provider=PROVIDER, endpoint=name, requests_per_minute=LIMIT, tokens_per_minute=LIMIT, parallel_calls=threads
    )
    now = database_now()
    later = now + timedelta(minutes=1)
    CapacityLease.objects.bulk_create(
        CapacityLease(
            endpoint=endpoint,
            state=CapacityLease.State.SETTLED,
            estimate_tokens=1,
            actual_tokens=1,
            acquired_at=now,
            expires_at=later,
            settled_at=now,
        )
        for _ in range(recent)
    )
    return per_second(lambda _: settle(acquire(PROVIDER, name, 1), 1), [User()] * count, threads)
