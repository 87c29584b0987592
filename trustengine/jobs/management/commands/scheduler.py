from typing import Any

import django_rq
from django.conf import settings
from django.core.management.base import BaseCommand
from rq.cron import CronScheduler

from trustengine.jobs.sweep import sweep


class Command(BaseCommand):
    help = "Send the sweep to the workers every few seconds. Several copies do no harm; `up` starts one."

    def handle(self, *args: Any, **options: Any) -> None:
        scheduler = CronScheduler(connection=django_rq.get_connection("high"), logging_level="WARNING")
        # A message that no worker takes in time is worthless: the next one does the same.
        scheduler.register(
            sweep,
            queue_name="high",
            interval=settings.JOB_SWEEP_SECONDS,
            result_ttl=0,
            ttl=10,
            failure_ttl=0,
        )
        scheduler.start()
