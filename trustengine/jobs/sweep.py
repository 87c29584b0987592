"""The sweep: every few seconds it finds what bells, workers or schedulers have left behind.

Safe to run in several copies at once.
"""

from datetime import datetime
from uuid import UUID

import structlog
from croniter import croniter
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from trustengine.database_time import database_now
from trustengine.jobs import bells
from trustengine.jobs.claims import backoff, put_back, unclaim
from trustengine.jobs.models import CronSlot, Job
from trustengine.jobs.registry import Schedule, handler_for, schedules
from trustengine.jobs.services import enqueue

logger = structlog.get_logger(__name__)

BATCH = 1_000  # claims that one sweep returns at most


def sweep() -> None:
    """Return expired leases, turn due cron slots into jobs, ring the bell of every kind that has due jobs.

    Nothing while the system is read-only.
    """
    if settings.READ_ONLY:
        return
    return_expired_leases()
    for schedule in schedules():
        open_slot(schedule)
    for kind in Job.objects.due().order_by().values_list("kind", flat=True).distinct():
        if handler := handler_for(kind):
            bells.ring(handler, again=True)


def return_expired_leases() -> int:
    """Make jobs whose worker fell silent claimable again, or dead after their last attempt; returns how many.

    A worker runs what it has claimed in turn, so the first that is still held is what it
    died on: that costs an attempt. Those behind it had not begun, and keep theirs.
    """
    expired = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=Now())
    tokens = list(expired.order_by().values_list("lease_token", flat=True).distinct()[:BATCH])
    returned = sum([_return_lease(token) for token in tokens if token])
    if returned:
        logger.warning("job_leases_expired", count=returned)
    return returned


@transaction.atomic
def _return_lease(token: UUID) -> int:
    """Return one claim's jobs. Whose rows are locked is just completing them, or another sweep: they are left."""
    held = Job.objects.filter(state=Job.State.RUNNING, lease_token=token).order_by("priority", "run_at", "pk")
    begun = held.first()  # read before any is locked: what another sweep returns meanwhile must not promote the next
    ids = [job.pk for job in held.filter(lease_until__lt=Now()).select_for_update(skip_locked=True, no_key=True)]
    if begun is None or not ids:
        return 0
    handler = handler_for(begun.kind)
    run_as_one = Q(pk=begun.pk)
    if handler and handler.coalesce:
        run_as_one = Q(kind=begun.kind, key=begun.key)
    locked = Job.objects.filter(pk__in=ids)
    others = unclaim(locked.exclude(run_as_one))
    details = {
        "type": "LeaseExpired",
        "message": "The worker fell silent.",
        "at": database_now().isoformat(),
        "before": begun.error_details and begun.error_details.get("type"),
    }
    return others + put_back(
        locked.filter(run_as_one, state=Job.State.RUNNING), delay=backoff(begun.attempts), details=details
    )


@transaction.atomic
def open_slot(schedule: Schedule) -> bool:
    """Enqueue a schedule's latest slot unless somebody has: True if it was this call.

    After an outage the latest slot is made up for, and those before it are not. A time
    that the clock shows twice when summer ends has two slots.
    """
    slot = croniter(schedule.cron, timezone.localtime(database_now())).get_prev(datetime)
    _, opened = CronSlot.objects.get_or_create(schedule=schedule.name, slot=slot)
    if opened:
        key = slot.isoformat() if schedule.handler.coalesce else None
        enqueue(schedule.handler.function, key=key)
    return opened
