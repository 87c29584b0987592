"""The sweep: every few seconds it finds what bells, workers or schedulers have left behind.

Safe to run in several copies at once.
"""

import structlog
from croniter import croniter
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from trustengine.jobs import bells
from trustengine.jobs.claims import backoff, put_back
from trustengine.jobs.models import CronSlot, Job
from trustengine.jobs.registry import Schedule, handler_for, schedules
from trustengine.jobs.services import enqueue

logger = structlog.get_logger(__name__)


def sweep() -> None:
    """Return expired leases, turn due cron slots into jobs, ring the bell of every kind that has due jobs."""
    if settings.READ_ONLY:
        return
    return_expired_leases()
    for schedule in schedules():
        open_slot(schedule)
    for kind in Job.objects.due().order_by().values_list("kind", flat=True).distinct():
        if handler := handler_for(kind):
            bells.ring(handler, again=True)


def return_expired_leases() -> int:
    """Make jobs whose worker fell silent claimable again, or dead after their last attempt; returns how many."""
    returned = 0
    with transaction.atomic():
        expired = Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=timezone.now())
        for job in expired.select_for_update(skip_locked=True).order_by("pk")[:1_000]:
            details = {
                "type": "LeaseExpired",
                "message": "The worker fell silent.",
                "at": timezone.now().isoformat(),
                "before": job.error_details and job.error_details.get("type"),
            }
            due = timezone.now() + backoff(job.attempts)
            returned += put_back(Job.objects.filter(pk=job.pk), due=due, details=details)
    if returned:
        logger.warning("job_leases_expired", count=returned)
    return returned


@transaction.atomic
def open_slot(schedule: Schedule) -> bool:
    """Enqueue a schedule's latest slot unless somebody has: True if it was this call."""
    slot = croniter(schedule.cron, timezone.localtime()).get_prev(type(timezone.now()))
    if CronSlot.objects.filter(schedule=schedule.name, slot=slot).exists():
        return False
    made = CronSlot.objects.bulk_create([CronSlot(schedule=schedule.name, slot=slot)], ignore_conflicts=True)
    if CronSlot.objects.filter(schedule=schedule.name, slot=slot, created_at=made[0].created_at).exists():
        enqueue(
            schedule.handler.function,
            **({"key": slot.isoformat()} if schedule.handler.coalesce else {}),
        )
        return True
    return False
