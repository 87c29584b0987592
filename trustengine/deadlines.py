"""Questions to the database that must be answered in time, or not at all.

Timeouts of connections and statements cover a PostgreSQL that refuses, is slow or
cannot be reached. They do not cover one that has accepted a connection and then stands
still: the client waits for it for as long as the other side's socket is open.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connections

Answer = TypeVar("Answer")


class Unanswered(Exception):
    """The answer did not come in time."""


class Deadline(Generic[Answer]):
    """Asks one question, in a thread with a database connection of its own, and waits ``seconds`` for it.

    One is asked at a time, and who comes while it hangs waits no longer either: probes
    every few seconds must not pile up threads and connections.
    """

    def __init__(self, question: Callable[[], Answer], *, seconds: float) -> None:
        self._question = question
        self._seconds = seconds
        self._asking = threading.Lock()

    def __call__(self) -> Answer:
        """The answer, or what asking raised. Raises Unanswered."""
        if not self._asking.acquire(timeout=self._seconds):
            raise Unanswered
        outcome: list[Answer] = []
        failure: list[Exception] = []

        def ask() -> None:
            try:
                outcome.append(self._question())
            except Exception as error:  # raised again where it was asked
                failure.append(error)
            finally:
                try:
                    connections.close_all()
                finally:
                    self._asking.release()

        thread = threading.Thread(target=ask, name=f"asking {self._question.__name__}", daemon=True)
        thread.start()
        thread.join(self._seconds)
        if failure:
            raise failure[0]
        if thread.is_alive() or not outcome:
            raise Unanswered
        return outcome[0]
