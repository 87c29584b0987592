from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from trustengine.jobs.models import CronSlot, Job
from trustengine.jobs.registry import job, scheduled

PRUNE_BATCH = 5_000


@scheduled("17 * * * *")
@job(queue="low")
def prune() -> dict[str, int]:
    """Delete done jobs and used cron slots that are older than the retention period.

    A schedule's latest slot stays, however old: without it the sweep would open it again.
    """
    before = timezone.now() - timedelta(days=settings.JOB_RETENTION_DAYS)
    done = Job.objects.filter(state=Job.State.DONE, finished_at__lt=before)
    jobs = 0
    while ids := list(done.order_by("finished_at").values_list("pk", flat=True)[:PRUNE_BATCH]):
        jobs += Job.objects.filter(pk__in=ids).delete()[0]
    later = CronSlot.objects.filter(schedule=OuterRef("schedule"), slot__gt=OuterRef("slot"))
    slots, _ = CronSlot.objects.filter(Exists(later), created_at__lt=before).delete()
    return {"jobs": jobs, "slots": slots}
