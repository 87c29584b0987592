"""The database backend: Django's own, with a memory for outages and the time-outs that long work states.

Whoever asks a pool for a connection while PostgreSQL is away waits for the pool's whole
timeout, and an address that drops packets takes as long. With every thread of a web
process waiting, nothing would be answered any more, not even what a cache could answer.
So after a failure that took its time, one request in a second finds out whether the
server is back, by a connection past the pool; the others fail at once.
"""

import threading
import time
from typing import Any

from django.db.backends.postgresql import base

from trustengine.database.timeouts import state_in

SLOW_SECONDS = 0.2  # a server that refuses at once costs nothing, and needs no memory
SILENCE_SECONDS = 1.0


class Outage:
    """Since when one server is not reached. Shared by the threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ask_again_at: float | None = None

    def may_ask(self) -> bool:
        """Whether to try; while the server is away, True for one caller in a while."""
        with self._lock:
            now = time.monotonic()
            if self._ask_again_at is not None and now < self._ask_again_at:
                return False
            if self._ask_again_at is not None:
                self._ask_again_at = now + SILENCE_SECONDS
            return True

    @property
    def is_known(self) -> bool:
        return self._ask_again_at is not None

    def begin(self) -> None:
        with self._lock:
            self._ask_again_at = time.monotonic() + SILENCE_SECONDS

    def end(self) -> None:
        self._ask_again_at = None


_outages: dict[tuple[Any, Any], Outage] = {}


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, but for connecting and for beginning a transaction."""

    def set_autocommit(self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False) -> None:
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        if not autocommit:
            try:
                state_in(self)
            except BaseException:
                self.close()  # as it was before the transaction
                raise

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        outage = _outages.setdefault((conn_params.get("host"), conn_params.get("port")), Outage())
        if not outage.may_ask():
            raise self.Database.OperationalError("the server was away a moment ago")
        began = time.monotonic()
        try:
            if outage.is_known:
                self._knock(conn_params)
            connection = super().get_new_connection(conn_params)
        except self.Database.OperationalError:
            if time.monotonic() - began >= SLOW_SECONDS and not (self.pool and self._is_there(conn_params)):
                outage.begin()
            raise
        outage.end()
        return connection

    def _knock(self, conn_params: dict[str, Any]) -> None:
        """Connect past the pool: a server that refuses says so at once. Raises OperationalError."""
        self.Database.connect(**conn_params).close()

    def _is_there(self, conn_params: dict[str, Any]) -> bool:
        """Whether the server is reached after all: then the pool was only busy, and may be free a moment later."""
        try:
            self._knock(conn_params)
        except self.Database.OperationalError:
            return False
        return True
