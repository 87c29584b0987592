"""The embedded servers of one data directory: owned by one process, started and stopped together."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from trustengine.embedded.addresses import addresses
from trustengine.embedded.children import stop_children
from trustengine.embedded.errors import EmbeddedError
from trustengine.embedded.ownership import Owner, Ownership
from trustengine.embedded.postgres import Postgres
from trustengine.embedded.redis import Redis
from trustengine.embedded.server import Server

STOP_PATIENCE = 3  # seconds until a server that does not stop is killed; both recover from that


class EmbeddedServers:
    """PostgreSQL and Redis for one data directory, as children of this process.

    Usually: ``with EmbeddedServers(data_dir, postgres=True, redis=True) as servers``.
    A supervisor that restarts what dies looks at ``servers.running`` and calls
    ``launch()`` on the one that is no longer ``alive``.
    """

    def __init__(
        self, data_dir: Path, *, postgres: bool, redis: bool, command: str = "", throwaway: bool = False
    ) -> None:
        """Describe the servers; ``throwaway`` trades durability for speed, for data that nobody keeps."""
        self.data_dir = data_dir.resolve()
        self.addresses = addresses(self.data_dir)
        self.command = command
        self.ownership = Ownership(self.data_dir)
        self.running: list[Server] = []
        self.postgres: Postgres | None = None
        if postgres:
            self.postgres = Postgres(self.data_dir, self.addresses.directory, throwaway=throwaway)
            self.running.append(self.postgres)
        if redis:
            self.running.append(Redis(self.data_dir, self.addresses.directory, throwaway=throwaway))

    def own(self, patience: float = 0) -> bool:
        """Take the data directory; False if another process still has it after ``patience`` seconds."""
        if not self.ownership.acquire(patience=patience):
            return False
        self._announce(ready=False)
        return True

    def start(self) -> None:
        """Start the servers of an owned directory and wait until they answer. Raises EmbeddedError."""
        self._make_directories()
        for server in self.running:
            server.launch()
        for server in self.running:
            server.wait_until_ready()
        if self.postgres:
            self.postgres.create_database()
        self._announce(ready=True)

    def stop(self) -> None:
        """Stop the servers and give the directory back."""
        if self.ownership.file is not None:
            self._announce(ready=False)
        stop_children(
            [(server.process, server.stop_signal) for server in self.running if server.process],
            patience=STOP_PATIENCE,
        )
        if self.ownership.file is not None and self.running:
            with suppress(OSError):
                self.addresses.directory.rmdir()  # it may lie in the temp folder; not empty: left by a killed server
        self.ownership.release()

    def __enter__(self) -> Self:
        if not self.own():
            raise EmbeddedError(f"{self.data_dir} is in use by {describe(self.ownership.read())}")
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _announce(self, *, ready: bool) -> None:
        names = tuple(server.name for server in self.running)
        self.ownership.announce(Owner(os.getpid(), self.command, names, ready))

    def _make_directories(self) -> None:
        sockets = self.addresses.directory
        try:
            sockets.mkdir(exist_ok=True, mode=0o700)
            foreign = sockets.stat().st_uid != os.geteuid() and os.geteuid() != 0
        except OSError as error:
            raise EmbeddedError(f"cannot write to {sockets.parent}: {error.strerror}") from error
        if foreign:  # a name in the shared temp folder can be guessed
            raise EmbeddedError(f"the socket directory {sockets} belongs to another user: remove it")


def describe(owner: Owner | None) -> str:
    """Words for the owner of a data directory."""
    if owner is None:
        return "another process"
    return f"`manage.py {owner.command}` (process {owner.pid})" if owner.command else f"process {owner.pid}"
