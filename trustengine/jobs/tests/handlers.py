"""Handlers for tests with worker processes, which have to know them too."""

import os
import signal
import time
from pathlib import Path

from django.utils import timezone

from trustengine.jobs.models import CronSlot
from trustengine.jobs.registry import job
from trustengine.testing import PATIENCE


@job()
def leave_mark_for_test(name: str, *, deadly: bool = False) -> None:
    leave_mark(name)
    if deadly:
        os.kill(os.getpid(), signal.SIGKILL)


@job()
def take_time_for_test(name: str, seconds: float) -> None:
    leave_mark(name)
    time.sleep(seconds)


@job()
def stop_halfway_for_test(name: str, gates: str) -> None:
    """Wait at a gate before the effect, and at another one after it."""
    Gate(gates, "before").pass_through()
    leave_mark(name)
    Gate(gates, "after").pass_through()


@job(coalesce=True)
def count_facts_for_test(key: str) -> None:
    """Derive a total from facts, pausing between the two where a change might be lost."""
    total = CronSlot.objects.filter(schedule="fact").count()
    Gate(key, "counted").pass_through()
    CronSlot.objects.filter(schedule__startswith="total ").delete()
    leave_mark(f"total {total}")


@job(coalesce=True)
def touch_for_test(key: str) -> None:
    leave_mark(key)


def leave_mark(name: str) -> None:
    """An effect that two runs would leave twice."""
    CronSlot.objects.create(schedule=name, slot=timezone.now())


class Gate:
    """A place in a handler where a test can stop it: files in a directory tell what has happened."""

    def __init__(self, directory: object, name: str) -> None:
        self._reached = Path(str(directory)) / f"{name}.reached"
        self._open = Path(str(directory)) / f"{name}.open"

    def pass_through(self) -> None:
        self._reached.touch()
        deadline = time.monotonic() + PATIENCE
        while not self._open.exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def is_reached(self) -> bool:
        return self._reached.exists()

    def open(self) -> None:
        self._open.touch()
