"""Effects that tests look for, and what happens beside them on another connection."""

import threading

from django.db import connection
from django.utils import timezone

from trustengine.jobs.models import CronSlot
from trustengine.testing import PATIENCE


def leave_mark(name):
    """An effect that can be looked for: any row would do."""
    CronSlot.objects.create(schedule=name, slot=timezone.now())


def marks():
    return list(CronSlot.objects.order_by("pk").values_list("schedule", flat=True))


def meanwhile(call):
    """Call in a thread and on a connection of its own, as another process would."""

    def run():
        try:
            call()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE)
