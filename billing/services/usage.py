"""Counting what profiles use. Locks: events by their key, then periods by profile, meter and month, late in the order.

An event's key decides whether it counts, its digest whether a repetition says the same.
All events of a call are one INSERT, and all periods that they move one upsert, both in a
fixed order, so that calls which overlap take turns and never deadlock.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from billing import periods
from billing.errors import QuotaExceeded, UsageEventConflict
from billing.meters import METERS, MOST
from billing.services.alerts import Moved, warn
from billing.terms import quotas_of
from trustengine.accounts.models import Profile
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, TryAgain
from trustengine.identifiers import uuid7
from trustengine.row_security import Reason, every_row

INSERT = """
    INSERT INTO billing_usageevent
        (profile_id, source, event_id, meter, quantity, digest, occurred_at, received_at, month, adjusts)
    SELECT * FROM unnest(
        %s::uuid[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bytea[],
        %s::timestamptz[], %s::timestamptz[], %s::date[], %s::date[]
    ) AS told ORDER BY 1, 2, 3
    ON CONFLICT (profile_id, source, event_id) DO NOTHING
    RETURNING profile_id, source, event_id
"""
STORED = """
    SELECT e.profile_id, e.source, e.event_id, e.digest, e.month, e.adjusts
    FROM billing_usageevent e JOIN unnest(%s::uuid[], %s::text[], %s::text[]) AS key (profile_id, source, event_id)
    USING (profile_id, source, event_id)
"""
# The row comes to be with its first event. A month that was closed meanwhile takes none: no row comes back.
COUNT = """
    INSERT INTO billing_usageperiod AS period (id, profile_id, meter, month, used, reserved, state, updated_at)
    SELECT id, profile_id, meter, month, quantity, 0, 'open', %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::date[], %s::bigint[])
        AS moved (id, profile_id, meter, month, quantity)
    ORDER BY profile_id, meter, month
    ON CONFLICT (profile_id, meter, month) DO UPDATE
    SET used = period.used + EXCLUDED.used, updated_at = EXCLUDED.updated_at
    WHERE period.state = 'open'
    RETURNING profile_id, meter, month, used, reserved
"""

Key = tuple[UUID, str, str]


@dataclass(frozen=True)
class Event:
    """What a source tells that a profile has used. Without a time, it happened as it is told."""

    profile_id: UUID
    source: str
    event_id: str
    meter: str
    quantity: int
    occurred_at: datetime | None = None

    @property
    def key(self) -> Key:
        return self.profile_id, self.source, self.event_id

    @property
    def digest(self) -> bytes:
        """The SHA-256 of what is told, in one spelling. That no time was told is part of it."""
        moment = self.occurred_at and self.occurred_at.astimezone(UTC).isoformat()
        content = [str(self.profile_id), self.source, self.event_id, self.meter, self.quantity, moment]
        return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).digest()


@dataclass(frozen=True)
class Outcome:
    """What became of an event: counted now, or before, and in which month; ``adjusts`` where that is not its own."""

    event: Event
    is_new: bool
    month: date
    adjusts: date | None


def record_usage(
    *,
    profile_id: UUID,
    meter: str,
    source: str,
    event_id: str,
    quantity: int,
    occurred_at: datetime | None = None,
) -> bool:
    """Count what a profile has used; False where this event has been counted before.

    In the caller's transaction, late in it. Raises UsageEventConflict where the same key
    was told with other content, InvalidInput for an unknown meter or a time in the future.
    """
    (outcome,) = record_events([Event(profile_id, source, event_id, meter, quantity, occurred_at)])
    return outcome.is_new


def record_events(events: Sequence[Event], *, enforced: bool = False, now: datetime | None = None) -> list[Outcome]:
    """Count events, each once, all or none of them; what became of each, in their order.

    ``enforced``: none that a hard limit has no room for, or QuotaExceeded. Usage that has
    happened already is counted whatever the limits say. Raises UsageEventConflict,
    InvalidInput, and TryAgain where a month is closed at this very moment.
    """
    received = now or database_now()
    told = _once_each(events)
    _refuse_bad(events, received)
    with every_row(Reason.METERING):
        placed = {event.key: _place(event, received) for event in told.values()}
        new = _insert([*told.values()], placed, received)
        stored = _stored(told.keys() - new) if len(new) < len(told) else {}
        if conflicts := [n for n, event in enumerate(events) if _contradicts(event, stored)]:
            raise UsageEventConflict([f"events.{number}" for number in conflicts])
        _count([told[key] for key in new], placed, received, enforced=enforced)
    outcomes = []
    for event in events:
        is_new = event.key in new
        month, adjusts = placed[event.key] if is_new else stored[event.key][1:]
        outcomes.append(Outcome(event, is_new, month, adjusts))
        new.discard(event.key)  # told twice in one call, it counts once
        stored.setdefault(event.key, (event.digest, month, adjusts))
    return outcomes


def _once_each(events: Sequence[Event]) -> dict[Key, Event]:
    told: dict[Key, Event] = {}
    conflicts = [n for n, event in enumerate(events) if told.setdefault(event.key, event).digest != event.digest]
    if conflicts:
        raise UsageEventConflict([f"events.{number}" for number in conflicts])
    return told


def _refuse_bad(events: Sequence[Event], received: datetime) -> None:
    latest = received + timedelta(seconds=settings.USAGE_FUTURE_SECONDS)
    earliest = received - timedelta(days=settings.USAGE_MAX_AGE_DAYS)
    wrong: dict[str, str] = {}
    for number, event in enumerate(events):
        if event.meter not in METERS:
            wrong[f"events.{number}.meter"] = "There is no such meter."
        if abs(event.quantity) > MOST:
            wrong[f"events.{number}.quantity"] = f"At most {MOST}."
        if event.occurred_at is not None and not earliest <= event.occurred_at <= latest:
            wrong[f"events.{number}.occurred_at"] = "Too far in the future, or too long ago."
    known = set(Profile.objects.filter(pk__in={event.profile_id for event in events}).values_list("pk", flat=True))
    for number, event in enumerate(events):
        if event.profile_id not in known:
            wrong[f"events.{number}.profile"] = "There is no such profile."
    if wrong:
        raise InvalidInput(fields=wrong)


def _place(event: Event, received: datetime) -> tuple[date, date | None]:
    """The month an event is counted in: its own, or, once that is closed, the present one, as an adjustment."""
    own, present = periods.month_of(event.occurred_at or received), periods.month_of(received)
    return (own, None) if received < periods.closes_at(own) else (present, own)


def _insert(events: Sequence[Event], placed: dict[Key, tuple[date, date | None]], received: datetime) -> set[Key]:
    columns = zip(
        *(
            (
                *event.key,
                event.meter,
                event.quantity,
                event.digest,
                event.occurred_at or received,
                received,
                *placed[event.key],
            )
            for event in events
        ),
        strict=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [list(column) for column in columns])
        return {(profile, source, event_id) for profile, source, event_id in cursor.fetchall()}


def _stored(keys: Iterable[Key]) -> dict[Key, tuple[bytes, date, date | None]]:
    """What was told before. In a statement after the INSERT, which has waited for whoever told it at the same time."""
    with connection.cursor() as cursor:
        cursor.execute(STORED, [list(column) for column in zip(*keys, strict=True)])
        return {
            (profile, source, event_id): (bytes(digest), month, adjusts)
            for profile, source, event_id, digest, month, adjusts in cursor.fetchall()
        }


def _contradicts(event: Event, stored: dict[Key, tuple[bytes, date, date | None]]) -> bool:
    return event.key in stored and stored[event.key][0] != event.digest


def _count(
    events: Sequence[Event], placed: dict[Key, tuple[date, date | None]], received: datetime, *, enforced: bool
) -> None:
    sums: dict[tuple[UUID, str, date], int] = {}
    for event in events:
        counted_in = (event.profile_id, event.meter, placed[event.key][0])
        sums[counted_in] = sums.get(counted_in, 0) + event.quantity
    if not sums:
        return
    quotas = quotas_of({profile for profile, _, _ in sums}, at=received)
    moving = [(uuid7(), *counted_in, quantity) for counted_in, quantity in sums.items()]
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [received, *(list(column) for column in zip(*moving, strict=True))])
        moved = [Moved(*row) for row in cursor.fetchall()]
    if len(moved) < len(moving):
        raise TryAgain("A month has just been closed.")
    for each in moved:
        quota = quotas[each.profile_id].get(each.meter)
        if enforced and quota and quota.is_hard and each.used + each.reserved > quota.cap:
            left = quota.cap - each.reserved - (each.used - sums[each.key])
            raise QuotaExceeded(meter=each.meter, left=left, resets_at=periods.end_of(each.month))
    warn(moved, quotas)
