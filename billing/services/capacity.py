"""Capacity of outside services: taken before a call, corrected after it, never held in a transaction during it.

Requests, tokens and a place among the parallel calls are taken together as one lease, or
not at all. Two of the limits are sliding windows over the leases themselves: what was
acquired in the last 60 seconds counts, so no minute, wherever it begins, sees more than
the limit. (A calendar minute lets twice the limit pass around its turn, and a token bucket
in its first minute.) What this permits is a burst of a whole minute's limit at one moment,
and nothing for 60 seconds after it. Tokens count as estimated while a call is under way,
and as told afterwards; what a call used beyond its estimate makes the next ones wait.

Locks: the endpoint's row, so that those who acquire take turns. All times are the
database's; ``at`` stands for them in tests.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, F, Min, Value, When
from prometheus_client import Counter

from billing.errors import CapacityExceeded
from billing.models import CapacityLease, ProviderEndpoint
from billing.models.capacity import LARGEST, WINDOW, CapacityLeaseQuerySet
from trustengine.database_time import database_now

# Nobody knows when a call will end: long before its lease does, as a rule.
PLACE_SOON = timedelta(seconds=1)
LOOK_AGAIN = timedelta(minutes=1)  # at an endpoint that an operator has switched off
LONGEST_COOLING = timedelta(hours=1)

REFUSALS = Counter(
    "trustengine_capacity_refusals",
    "Calls to outside services that had to wait or go without, by what there was no room in.",
    ["provider", "endpoint", "limit"],
)

State = CapacityLease.State


class UnknownEndpoint(LookupError):
    """There is no row for this provider and endpoint."""


class NeverFits(ValueError):
    """The call is larger than the endpoint ever allows: waiting does not help."""


@dataclass(frozen=True)
class Lease:
    """What a caller holds. The call has to be over within ``seconds``."""

    id: UUID
    endpoint_id: UUID
    estimate_tokens: int
    seconds: int


def acquire(provider: str, endpoint: str, estimate_tokens: int, *, at: datetime | None = None) -> Lease:
    """Take a request, its tokens and a place among the parallel calls, all together.

    A transaction of its own: being inside another one is an error. Raises CapacityExceeded,
    and then nothing has changed; UnknownEndpoint; NeverFits.
    """
    try:
        with transaction.atomic(durable=True):
            row = _lock(provider, endpoint)
            now = at or database_now()
            _require_room(row, estimate_tokens, now)
            _charge_overdue(row.leases.overdue(now), now)
            lease = CapacityLease.objects.create(
                endpoint=row,
                estimate_tokens=estimate_tokens,
                acquired_at=now,
                expires_at=now + timedelta(seconds=row.lease_seconds),
            )
    except CapacityExceeded as refusal:
        REFUSALS.labels(provider, endpoint, refusal.limit).inc()
        _note_refusal(row.pk, now)
        raise
    return Lease(lease.pk, row.pk, estimate_tokens, row.lease_seconds)


@contextmanager
def capacity(provider: str, endpoint: str, estimate_tokens: int) -> Iterator[Lease]:
    """Hold a lease while the block calls; charged its estimate unless the block settles it. Raises as ``acquire``."""
    lease = acquire(provider, endpoint, estimate_tokens)
    try:
        yield lease
    finally:
        release(lease)


def settle(lease: Lease, actual_tokens: int, *, at: datetime | None = None) -> bool:
    """End a lease and charge what the call really used, more or less than estimated; False if it had ended before.

    One that had expired meanwhile keeps that state, and is corrected.
    """
    now = at or database_now()
    rows = CapacityLease.objects.filter(pk=lease.id, state__in=[State.HELD, State.EXPIRED])
    ended = Case(When(state=State.HELD, then=Value(State.SETTLED)), default=F("state"))
    return bool(rows.update(state=ended, actual_tokens=min(max(actual_tokens, 0), LARGEST), settled_at=now))


def release(lease: Lease, *, at: datetime | None = None) -> bool:
    """End a lease of which nobody knows what it used: it stays charged as estimated. False if it had ended before."""
    rows = CapacityLease.objects.filter(pk=lease.id, state=State.HELD)
    return bool(rows.update(state=State.RELEASED, actual_tokens=F("estimate_tokens"), settled_at=at or database_now()))


def expire_leases(*, at: datetime | None = None) -> int:
    """Charge and free the leases whose holders have not come back; returns how many."""
    now = at or database_now()
    return _charge_overdue(CapacityLease.objects.overdue(now), now)


def cool_down(provider: str, endpoint: str, *, seconds: float, at: datetime | None = None) -> None:
    """Leave an endpoint alone because its provider asked for it, an hour at most; never shorter than asked before.

    Raises UnknownEndpoint.
    """
    with transaction.atomic(durable=True):
        row = _lock(provider, endpoint)
        until = (at or database_now()) + min(timedelta(seconds=max(seconds, 0)), LONGEST_COOLING)
        if row.cooling_until is None or row.cooling_until < until:
            row.cooling_until = until
            row.save(update_fields=["cooling_until"])


def _lock(provider: str, endpoint: str) -> ProviderEndpoint:
    rows = ProviderEndpoint.objects.select_for_update(of=("self",), no_key=True)
    row = rows.filter(provider=provider, endpoint=endpoint).first()
    if row is None:
        raise UnknownEndpoint(f"{provider} {endpoint}")
    return row


def _require_room(row: ProviderEndpoint, tokens: int, now: datetime) -> None:
    for most in (row.tokens_per_call, row.tokens_per_minute, LARGEST):
        if most is not None and tokens > most:
            raise NeverFits(f"{tokens} tokens are more than the {most} that {row} allows")
    waits = {limit: wait for limit, wait in _waits(row, tokens, now) if wait > timedelta()}
    if waits:
        limit = max(waits, key=lambda each: waits[each])
        raise CapacityExceeded(limit, math.ceil(waits[limit].total_seconds()))


def _waits(row: ProviderEndpoint, tokens: int, now: datetime) -> Iterator[tuple[str, timedelta]]:
    """For each limit how long it is until this call would fit it, if nobody else comes."""
    if not row.is_active:
        yield "paused", LOOK_AGAIN
    if row.cooling_until is not None:
        yield "cooling", row.cooling_until - now
    leases = CapacityLease.objects.filter(endpoint=row)
    if row.requests_per_minute is not None:
        newest = leases.recent(now).order_by("-acquired_at", "-pk").values_list("acquired_at", flat=True)
        for moment in newest[row.requests_per_minute - 1 : row.requests_per_minute]:
            yield "requests", moment + WINDOW - now
    if row.tokens_per_minute is not None:
        yield "tokens", _until_tokens(leases.recent(now), tokens - row.tokens_per_minute, now)
    if row.parallel_calls is not None and leases.held(now).count() >= row.parallel_calls:
        first: datetime = leases.held(now).aggregate(first=Min("expires_at"))["first"]
        yield "parallel", min(first - now, PLACE_SOON)


def _until_tokens(recent: CapacityLeaseQuerySet, missing: int, now: datetime) -> timedelta:
    """How long it is until the oldest of these leases have left the window with what is missing."""
    missing += recent.tokens()
    if missing <= 0:
        return timedelta()
    oldest = recent.order_by("acquired_at", "pk").values_list("acquired_at", "estimate_tokens", "actual_tokens")
    for moment, estimate, actual in oldest.iterator():
        missing -= estimate if actual is None else actual
        if missing <= 0:
            return moment + WINDOW - now
    return PLACE_SOON  # a call was settled between the two looks: there is more room than there was


def _charge_overdue(overdue: CapacityLeaseQuerySet, now: datetime) -> int:
    return overdue.update(state=State.EXPIRED, actual_tokens=F("estimate_tokens"), settled_at=now)


def _note_refusal(endpoint_id: UUID, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO billing_capacityrefusals AS present (endpoint_id, minute, refused) VALUES (%s, %s, 1)"
            " ON CONFLICT (endpoint_id, minute) DO UPDATE SET refused = present.refused + 1",
            [endpoint_id, now.replace(second=0, microsecond=0)],
        )
