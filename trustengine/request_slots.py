"""As many requests at once as the process has database connections; others wait, and the probes do not.

A web process has many more threads than connections. Were they as many, requests that wait for
one lock would take all of them, and nothing would be answered any more, ``/healthz`` included.
"""

import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from trustengine.api.problems import unavailable
from trustengine.errors import TryAgain

PROBE_CONNECTIONS = 2  # of the pool, for readiness and metrics
ROOM = 24  # requests that may wait while none of those in the slots ends
PATIENCE_SECONDS = 10.0
STUCK_SECONDS = 1.0
LOOK_SECONDS = 0.25


class Slots:
    """A number of slots, and a queue before them that is cut short while nothing moves."""

    def __init__(self, size: int, *, room: int = ROOM, patience: float = PATIENCE_SECONDS) -> None:
        self._free = size
        self._room = room
        self._patience = patience
        self._waiting = 0
        self._moved_at = time.monotonic()
        self._changed = threading.Condition()

    def take(self) -> bool:
        """Wait for a slot. False where none came free in time, or too many wait already and nothing moves."""
        deadline = time.monotonic() + self._patience
        with self._changed:
            self._waiting += 1
            try:
                while not self._free:
                    now = time.monotonic()
                    is_stuck = now - self._moved_at > STUCK_SECONDS
                    if now >= deadline or (is_stuck and self._waiting > self._room):
                        return False
                    self._changed.wait(LOOK_SECONDS)
                self._free -= 1
                self._moved_at = time.monotonic()
                return True
            finally:
                self._waiting -= 1

    def give_back(self) -> None:
        with self._changed:
            self._free += 1
            self._moved_at = time.monotonic()
            self._changed.notify()


class RequestSlots:
    """Middleware: a request has a slot while it is worked on, or is answered 503 ``TRY_AGAIN``.

    Not used without a pool of connections, where every thread has its own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if settings.DATABASE_POOL_SIZE <= PROBE_CONNECTIONS:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self.slots = Slots(settings.DATABASE_POOL_SIZE - PROBE_CONNECTIONS)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not self.slots.take():
            return unavailable(request, TryAgain(retry_after=3))
        try:
            return self.get_response(request)
        finally:
            self.slots.give_back()
