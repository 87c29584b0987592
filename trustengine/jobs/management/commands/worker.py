from typing import Any

import django_rq
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from trustengine.jobs.worker import work


class Command(BaseCommand):
    help = "Run the jobs of one queue. Start as many of these as wanted, on as many machines; `up` starts them itself."

    def add_arguments(self, parser: CommandParser) -> None:
        # One queue per process: RQ moves a message atomically only then.
        parser.add_argument("queue", choices=settings.QUEUES)
        parser.add_argument("--burst", action="store_true", help="stop when the queue is empty")

    def handle(self, *args: Any, **options: Any) -> None:
        work(django_rq.get_queue(options["queue"]), burst=options["burst"])
