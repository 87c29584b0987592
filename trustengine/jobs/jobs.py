from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from trustengine.database_time import database_now
from trustengine.jobs.models import CronSlot, Job
from trustengine.jobs.registry import job, scheduled
from trustengine.jobs.retention import delete_over, prune_kept


@scheduled("17 * * * *")
@job(queue="low")
def prune() -> dict[str, int]:
    """Delete done jobs and used cron slots that are older than the retention period.

    A schedule's latest slot stays, however old: without it the sweep would open it again.
    """
    before = database_now() - timedelta(days=settings.JOB_RETENTION_DAYS)
    jobs = delete_over(Job.State.DONE, before=before)
    later = CronSlot.objects.filter(schedule=OuterRef("schedule"), slot__gt=OuterRef("slot"))
    slots, _ = CronSlot.objects.filter(Exists(later), created_at__lt=before).delete()
    return {"jobs": jobs, "slots": slots}


@scheduled("27 * * * *")
@job(queue="low", atomic=False, long=True)
def prune_kept_rows() -> dict[str, int]:
    """Delete rows of all apps that have been kept for as long as their apps declare."""
    return prune_kept()
