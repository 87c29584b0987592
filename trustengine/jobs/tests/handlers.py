"""Handlers for tests with a worker process, which has to know them too."""

import time

from django.utils import timezone

from trustengine.jobs.models import CronSlot
from trustengine.jobs.registry import job


@job()
def leave_mark_for_test(name: str) -> None:
    CronSlot.objects.create(schedule=name, slot=timezone.now())


@job()
def take_time_for_test(name: str, seconds: float) -> None:
    CronSlot.objects.create(schedule=name, slot=timezone.now())
    time.sleep(seconds)
