"""The sweep: every few seconds it finds what bells, workers or schedulers have left behind.

Safe to run in several copies at once.
"""

from datetime import datetime

import structlog
from croniter import croniter
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from trustengine.jobs import bells
from trustengine.jobs.claims import backoff, put_back
from trustengine.jobs.models import CronSlot, Job
from trustengine.jobs.registry import Schedule, handler_for, schedules
from trustengine.jobs.services import enqueue

logger = structlog.get_logger(__name__)

BATCH = 1_000


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


@transaction.atomic
def return_expired_leases() -> int:
    """Make jobs whose worker fell silent claimable again, or dead after their last attempt; returns how many."""
    expired = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=Now())
    returned = 0
    for job in expired.select_for_update(skip_locked=True, no_key=True).order_by("pk")[:BATCH]:
        details = {
            "type": "LeaseExpired",
            "message": "The worker fell silent.",
            "at": timezone.now().isoformat(),
            "before": job.error_details and job.error_details.get("type"),
        }
        returned += put_back(Job.objects.filter(pk=job.pk), delay=backoff(job.attempts), details=details)
    if returned:
        logger.warning("job_leases_expired", count=returned)
    return returned


@transaction.atomic
def open_slot(schedule: Schedule) -> bool:
    """Enqueue a schedule's latest slot unless somebody has: True if it was this call.

    After an outage the latest slot is made up for, and those before it are not. A time
    that the clock shows twice when summer ends has two slots.
    """
    slot = croniter(schedule.cron, timezone.localtime()).get_prev(datetime)
    _, opened = CronSlot.objects.get_or_create(schedule=schedule.name, slot=slot)
    if opened:
        key = slot.isoformat() if schedule.handler.coalesce else None
        enqueue(schedule.handler.function, key=key)
    return opened
