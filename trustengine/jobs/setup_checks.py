"""Schedules, proved on the running system by ``manage.py check --database default``."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from croniter import croniter
from django.core import checks
from django.utils import timezone

from trustengine.database.proving import proves
from trustengine.database_time import database_now
from trustengine.jobs.models import CronSlot
from trustengine.jobs.registry import schedules

GRACE = timedelta(minutes=5)  # in which a slot may still be opened, and by which the machines' clocks may differ


@proves("jobs.W001", severity=checks.Warning, hint="Is a scheduler running, and a worker of the queue high?")
def cron_slots() -> Iterator[str]:
    """Every schedule's latest slot has been turned into a job, once a scheduler has run at all."""
    if not CronSlot.objects.exists():
        return
    now = timezone.localtime(database_now())
    for schedule in schedules():
        slot = croniter(schedule.cron, now - GRACE).get_prev(datetime)
        if not CronSlot.objects.filter(schedule=schedule.name, slot__gte=slot).exists():
            yield f"The schedule {schedule.name} has not run since {slot:%Y-%m-%d %H:%M}, when it was due."
