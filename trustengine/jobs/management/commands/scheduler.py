import sys
from functools import partial
from typing import Any

import django_rq
import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from redis.exceptions import RedisError
from rq import Queue, cron

from trustengine.jobs.sweep import sweep
from trustengine.redis_json import Messages

logger = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Send the sweep to the workers every few seconds. Several copies do no harm; `up` starts one."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _run()
        except RedisError as error:  # it has no patience of its own: whoever supervises starts it again
            logger.warning("scheduler_without_redis", error=type(error).__name__)
            sys.exit(1)


def _run() -> None:
    cron.Queue = partial(Queue, serializer=Messages)  # RQ's cron has no option for it, and would send pickles
    scheduler = cron.CronScheduler(connection=django_rq.get_connection("high"), logging_level="WARNING")
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
