"""Real worker and scheduler processes on the test's own database, kept running as a supervisor would."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import redis
from django.conf import settings
from django.db import connection

from trustengine.embedded.redis import Redis
from trustengine.jobs.sweep import sweep
from trustengine.testing import PATIENCE

# As `manage.py worker` does, in a process that also knows the handlers of these tests.
HANDLERS = "trustengine.jobs.tests.handlers"
COMMAND = """
import django, importlib, os, sys, time
from datetime import timedelta
from django.utils import timezone
if ahead := float(os.environ.get("TEST_CLOCK_AHEAD_SECONDS", 0)):
    wall, now = time.time, timezone.now
    time.time, timezone.now = lambda: wall() + ahead, lambda: now() + timedelta(seconds=ahead)
django.setup()
for module in os.environ["TEST_HANDLERS"].split():
    importlib.import_module(module)
from django.core.management import call_command
call_command(*sys.argv[1:])
"""
IMPATIENT = {"JOB_LEASE_SECONDS": "2", "JOB_BACKOFF_SECONDS": "0.05", "JOB_SWEEP_SECONDS": "1"}
SWEEP_EVERY = 0.5  # seconds


def begin(*arguments: str, **changes: str) -> subprocess.Popen[bytes]:
    """Start a management command on the test's database; ``changes`` are environment variables."""
    database = urlsplit(os.environ["DATABASE_URL"])
    url = urlunsplit(database._replace(path=f"/{connection.settings_dict['NAME']}"))
    own = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "trustengine.settings", "TEST_HANDLERS": HANDLERS}
    environment = os.environ | own | changes
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments], env=environment, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL
    )


@contextmanager
def worker(*arguments: str, **changes: str) -> Iterator[subprocess.Popen[bytes]]:
    """One worker process, which nobody restarts."""
    process = begin("worker", *arguments, **changes)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Crew:
    """Processes that are started again whenever one dies, with short leases."""

    def __init__(self, *commands: tuple[str, ...], **changes: str) -> None:
        self.deaths = 0
        self._changes = IMPATIENT | changes
        self._commands = commands
        self.processes = [begin(*command, **self._changes) for command in commands]

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def tend(self) -> None:
        """Start again what has died."""
        for position, process in enumerate(self.processes):
            if process.poll() is not None:
                self.deaths += 1
                self.processes[position] = begin(*self._commands[position], **self._changes)

    def kill(self, position: int = 0) -> None:
        """End a process as the machine's failure would, and have it started again by the next look."""
        self.processes[position].send_signal(signal.SIGKILL)
        self.processes[position].wait()

    def see_to_it(self, condition: Callable[[], object], what: str, *, sweeping: bool = True) -> None:
        """Tend and sweep until a condition holds."""
        swept = 0.0

        def look() -> object:
            nonlocal swept
            self.tend()
            if sweeping and time.monotonic() > swept + SWEEP_EVERY:
                sweep()
                swept = time.monotonic()
            return condition()

        wait_for(look, what)


class OwnRedis:
    """A Redis that one test may stop, and whose messages it may count."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="te-redis-"))  # short: a socket's path is limited
        self._server = Redis(self._directory, self._directory, throwaway=True)
        self.url = f"unix://{self._server.socket}?db=0&socket_connect_timeout=0.25&socket_timeout=0.5"
        self.start()

    def start(self) -> None:
        self._server.launch()
        self._server.wait_until_ready()

    def stop(self) -> None:
        """End it, and all that it remembers."""
        if self._server.process:
            self._server.process.kill()
            self._server.process.wait()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._directory)

    def pushes(self) -> int:
        """How many messages have been put into queues since it began."""
        with redis.Redis.from_url(self.url) as client:
            commands = client.info("commandstats")
        return sum(commands.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("rpush", "lpush"))


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds; fail the test when it takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)
