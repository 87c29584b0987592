"""Hard limits: room is reserved before the work, and settled with it. Locks: reservations, then their periods.

A reservation is committed before the work begins, so that work going on at once cannot
promise the same room twice, and it ends by itself if the process dies. Inside of a
transaction (a request with an idempotency key) a row of the period must not be locked so
early: there the room is looked at first, and settled under the lock at the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F, QuerySet

from billing import periods
from billing.errors import QuotaExceeded
from billing.models import UsagePeriod, UsageReservation
from billing.services.usage import Event, Outcome, record_events
from billing.terms import Quota, quotas_of
from trustengine.database_time import database_now
from trustengine.row_security import Reason, every_row

logger = structlog.get_logger(__name__)

BATCH = 500


@dataclass
class Held:
    """Room that is reserved for one piece of work; nothing, where no hard limit asks for it."""

    reservations: list[UUID] = field(default_factory=list)

    def settle(self, events: Sequence[Event]) -> list[Outcome]:
        """Count what was used in place of what was reserved, in the work's transaction. Raises QuotaExceeded."""
        with every_row(Reason.METERING):
            _free(self.reservations)
            return record_events(events, enforced=True)


@contextmanager
def reserved(profile_id: UUID, wanted: Mapping[str, int]) -> Iterator[Held]:
    """Room for so much of each meter until the block ends, which settles it or gives it back. Raises QuotaExceeded."""
    held = Held(reserve(profile_id, wanted))
    try:
        yield held
    finally:
        if held.reservations and not connection.in_atomic_block:
            try:
                release(held.reservations)
            except DatabaseError as error:  # it ends by itself
                logger.warning("reservation_left", error=type(error).__name__)


def reserve(profile_id: UUID, wanted: Mapping[str, int]) -> list[UUID]:
    """Reserve all of it, or raise QuotaExceeded and reserve nothing. The ids of the reservations made."""
    made: list[UUID] = []
    is_inside = connection.in_atomic_block
    with every_row(Reason.METERING):
        quotas = quotas_of([profile_id])[profile_id]
        for meter, quantity in sorted(wanted.items()):
            quota = quotas.get(meter)
            if quota is None or not quota.is_hard or quantity <= 0:
                continue
            about: dict[str, Any] = {
                "profile_id": profile_id,
                "meter": meter,
                "month": periods.month_of(database_now()),
            }
            if not is_inside:
                period, _ = UsagePeriod.objects.get_or_create(**about)
                made.append(_reserve(period, quota, quantity).pk)
                continue
            period = UsagePeriod.objects.filter(**about).first() or UsagePeriod(**about)
            if period.used + period.reserved + quantity > quota.cap:
                raise _refusal(period, quota)
    return made


def release(reservations: Sequence[UUID]) -> None:
    """Give back what has not been settled. Idempotent."""
    with every_row(Reason.METERING):
        _free(reservations)


def expire_reservations(now: datetime | None = None, *, limit: int = BATCH) -> int:
    """Give back what work has left behind that never ended; returns how many."""
    with every_row(Reason.METERING):
        return _free(_ended(UsageReservation.objects.all(), now or database_now(), limit))


def _ended(rows: QuerySet[UsageReservation], now: datetime, limit: int = BATCH) -> list[UUID]:
    """Reservations whose time is over, and that nobody is settling at this moment."""
    ended = rows.filter(expires_at__lte=now).order_by("expires_at").select_for_update(skip_locked=True)
    return list(ended.values_list("pk", flat=True)[:limit])


def _reserve(period: UsagePeriod, quota: Quota, quantity: int) -> UsageReservation:
    now = database_now()
    with_room = UsagePeriod.objects.filter(pk=period.pk, used__lte=quota.cap - quantity - F("reserved"))
    if not with_room.update(reserved=F("reserved") + quantity):
        _free(_ended(UsageReservation.objects.filter(period=period), now))  # of this month's row alone
        if not with_room.update(reserved=F("reserved") + quantity):
            period.refresh_from_db()
            raise _refusal(period, quota)
    expires = now + timedelta(minutes=settings.QUOTA_RESERVATION_MINUTES)
    return UsageReservation.objects.create(
        period=period, profile_id=period.profile_id, quantity=quantity, expires_at=expires
    )


def _refusal(period: UsagePeriod, quota: Quota) -> QuotaExceeded:
    left = quota.cap - period.used - period.reserved
    return QuotaExceeded(meter=quota.meter, left=left, resets_at=periods.end_of(period.month))


def _free(reservations: Sequence[UUID]) -> int:
    """Delete reservations that there still are, and take them out of their periods."""
    if not reservations:
        return 0
    rows = UsageReservation.objects.filter(pk__in=reservations).order_by("pk").select_for_update(of=("self",))
    found = list(rows.values_list("pk", "quantity", "profile", "period__meter", "period__month"))
    UsageReservation.objects.filter(pk__in=[pk for pk, *_ in found]).delete()
    given: dict[tuple[UUID, str, date], int] = {}
    for _, quantity, profile, meter, month in found:
        given[profile, meter, month] = given.get((profile, meter, month), 0) + quantity
    for (profile, meter, month), quantity in sorted(given.items()):  # the order that counting locks them in
        rows_of = UsagePeriod.objects.filter(profile=profile, meter=meter, month=month)
        rows_of.update(reserved=F("reserved") - quantity, updated_at=database_now())
    return len(found)
