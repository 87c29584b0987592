"""Servers for one command: those that run for the data directory already, else started for the command's time."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from trustengine.embedded.errors import EmbeddedError
from trustengine.embedded.ownership import Users
from trustengine.embedded.server import PATIENCE
from trustengine.embedded.servers import EmbeddedServers, describe


@contextmanager
def servers_for_command(data_dir: Path, *, postgres: bool, redis: bool, command: str = "") -> Iterator[None]:
    """Make the wanted servers of ``data_dir`` available inside the block.

    If another process runs them, they are used as they are. Otherwise this process
    starts them, and stops them at the end as soon as no other command uses them any
    more. Raises EmbeddedError.
    """
    if not (postgres or redis):
        yield
        return
    servers = EmbeddedServers(data_dir, postgres=postgres, redis=redis, command=command)
    users = Users(servers.data_dir)
    with users:
        owner = _own_or_wait(servers)
        if not owner:
            yield
            return
        with _stop_on_sigterm():
            try:
                servers.start()
                yield
            finally:
                _wait_for_others(users, servers)


def _own_or_wait(servers: EmbeddedServers) -> bool:
    """True when this process owns the directory; False when another one does and its servers answer."""
    deadline = time.monotonic() + PATIENCE
    wanted = {server.name for server in servers.running}
    while not servers.own():
        owner = servers.ownership.read()
        if owner and owner.ready:
            if missing := wanted - set(owner.servers):
                raise EmbeddedError(
                    f"{describe(owner)} owns {servers.data_dir} but runs no {' and no '.join(sorted(missing))}"
                )
            if all(server.answers() for server in servers.running):
                return False
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{describe(owner)} owns {servers.data_dir} but its servers do not answer")
        time.sleep(0.02)
    return True


def _wait_for_others(users: Users, servers: EmbeddedServers) -> None:
    """Stop the servers when no other command uses them; at once when interrupted while waiting."""
    try:
        if not users.acquire(patience=0):
            print("waiting for another command that uses the embedded servers", file=sys.stderr)
            users.acquire()
    finally:
        servers.stop()


@contextmanager
def _stop_on_sigterm() -> Iterator[None]:
    """Let the first SIGTERM end the command in an orderly way, unless the command handles it itself.

    The default would end the process at once and take the servers from other commands.
    """
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is leave:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
