"""Files that people upload: room for them in a plan, and what they really took. Measured here, never as announced."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.conf import settings

from billing import periods
from billing.errors import QuotaExceeded
from billing.models import UsageEvent
from billing.services.quotas import Held, reserved
from billing.services.usage import Event, record_events
from billing.terms import quotas_of
from trustengine.database_time import database_now
from trustengine.row_security import Reason, every_row

MEASURES = ("uploaded_bytes", "uploaded_pages")


@dataclass(frozen=True)
class Room:
    """Room for one file in the plan of a profile; without a profile nothing is counted."""

    profile_id: UUID | None
    held: Held

    def settle(self, *, source: str, file_id: UUID, size: int, pages: int = 1) -> None:
        """Count the file, last in the transaction that keeps it. Raises QuotaExceeded."""
        if self.profile_id is None:
            return
        measures = {"uploaded_bytes": size, "uploaded_pages": pages}
        self.held.settle(
            [
                Event(self.profile_id, source, f"{file_id}/{meter}", meter, quantity)
                for meter, quantity in measures.items()
            ]
        )

    def require_share(self, used: int) -> None:
        """Raise QuotaExceeded where one person would use up more than their share of another's plan.

        ``used`` are the bytes of all that is theirs in this month, this file included.
        ``UPLOAD_SHARE_PERCENT`` of a hard limit is one person's, and one file always is.
        """
        if self.profile_id is None:
            return
        with every_row(Reason.METERING):
            quota = quotas_of([self.profile_id])[self.profile_id].get("uploaded_bytes")
        if quota is None or not quota.is_hard:
            return
        share = quota.cap * settings.UPLOAD_SHARE_PERCENT // 100
        if used > share:
            raise QuotaExceeded(
                meter="uploaded_bytes", left=max(0, share - used), resets_at=periods.end_of(this_month())
            )


def this_month() -> date:
    """The month that is counted in now."""
    return periods.month_of(database_now())


def give_back(profile_id: UUID, *, source: str, file_id: UUID) -> None:
    """Take a deleted file out of what a profile has used, in the month it was counted in, as long as that lasts.

    Idempotent: a correction is an event of its own. Late in the caller's transaction.
    """
    keys = {f"{file_id}/{meter}": meter for meter in MEASURES}
    with every_row(Reason.METERING):
        counted = UsageEvent.objects.filter(profile_id=profile_id, source=source, event_id__in=keys)
        corrections = [
            Event(profile_id, source, f"{event.event_id}/deleted", event.meter, -event.quantity, event.occurred_at)
            for event in counted.filter(month=this_month(), adjusts=None).order_by("event_id")
        ]
        if corrections:
            record_events(corrections)


@contextmanager
def upload_room(profile_id: UUID | None, *, size: int) -> Iterator[Room]:
    """Room for a file of about this size, until the block ends. Raises QuotaExceeded before any work is done."""
    if profile_id is None:
        yield Room(None, Held())
        return
    with reserved(profile_id, {"uploaded_bytes": size, "uploaded_pages": 1}) as held:
        yield Room(profile_id, held)
