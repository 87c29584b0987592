"""The embedded PostgreSQL: its directory, its start, and the wait until it answers."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from trustengine.embedded.addresses import POSTGRES_PORT
from trustengine.embedded.binaries import NEWEST_POSTGRES, postgres_bin
from trustengine.embedded.children import run_tool, server_environment, start_child
from trustengine.embedded.errors import EmbeddedError
from trustengine.embedded.identity import Identity, unprivileged
from trustengine.embedded.leftovers import clear_lock_file
from trustengine.embedded.server import Server, connected

DATABASE = "trustengine"
SUPERUSER = "postgres"
OWNER = "trustengine"  # of the database; no superuser, for whom row security would not hold

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "jit": "off",  # not in the wheel
}
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class Postgres(Server):
    """PostgreSQL 18, or the version that made the directory if that is also at hand."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": SIGTERM would wait for idle clients to leave

    def __init__(self, data_dir: Path, sockets: Path, *, throwaway: bool = False) -> None:
        super().__init__(data_dir, sockets)
        self.settings = SETTINGS | (THROWAWAY_SETTINGS if throwaway else {})
        self._identity = Identity()
        self._major = NEWEST_POSTGRES

    @property
    def socket(self) -> Path:
        return self.sockets / f".s.PGSQL.{POSTGRES_PORT}"

    def prepare(self) -> None:
        for unfinished in self.data.parent.glob(f"{self.name}.new*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        if self.data.exists():
            self._major = major_version(self.data)
            self._identity = unprivileged(self.data)
        else:
            self._initialise()
        clear_lock_file(self.data / "postmaster.pid", data=self.data)
        clear_lock_file(self.socket.with_name(f"{self.socket.name}.lock"), data=self.data)

    def spawn(self) -> subprocess.Popen[bytes]:
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        program = postgres_bin(self._major) / "postgres"
        return start_child(
            [program, "-D", self.data, "-k", self.sockets, "-p", str(POSTGRES_PORT), *options],
            log=self.log,
            death_signal=signal.SIGQUIT,  # ends its own children too; the next start recovers
            identity=self._identity,
            environment=server_environment(),
        )

    def answers(self) -> bool:
        """Whether the status line that PostgreSQL keeps in postmaster.pid says "ready" and the socket is open."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        if len(lines) < 8 or lines[7].strip() != "ready":
            return False
        if self.process is not None and lines[0].strip() != str(self.process.pid):
            return False
        connection = connected(self.socket)
        if connection is None:
            return False
        connection.close()
        return True

    def create_database(self) -> None:
        """Create the database and the role that owns it if they are not there yet. Raises EmbeddedError."""
        psql = [str(postgres_bin(self._major) / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
        psql += ["-h", str(self.sockets), "-p", str(POSTGRES_PORT), "-U", SUPERUSER, "-d", "postgres"]
        run_tool(
            psql,
            identity=Identity(),
            text=f"SELECT 'CREATE ROLE {OWNER} LOGIN CREATEDB' WHERE NOT EXISTS "
            f"(SELECT FROM pg_roles WHERE rolname = '{OWNER}') \\gexec\n"
            f"SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER}' WHERE NOT EXISTS "
            f"(SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec\n",
        )

    def _initialise(self) -> None:
        """Make the directory under a temporary name: one that is there under its own name is complete."""
        draft = self.data.with_name(f"{self.name}.new{os.getpid()}")
        try:
            draft.mkdir(mode=0o700)
            self._identity = unprivileged(draft)
            initdb = [str(postgres_bin() / "initdb"), "-D", str(draft), "-U", SUPERUSER, "-A", "trust", "--no-sync"]
            # The C library's C locale would make ILIKE blind for É; ICU is not in the wheel.
            initdb += ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            run_tool(initdb, identity=self._identity)
            draft.rename(self.data)
        except OSError as error:
            raise EmbeddedError(f"cannot write to {self.data.parent}: {error.strerror}") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def major_version(data: Path) -> int:
    """The version that made a database directory. Raises EmbeddedError if no program here can open it."""
    try:
        major = int((data / "PG_VERSION").read_text())
    except (OSError, ValueError) as error:
        raise EmbeddedError(f"{data} is not a PostgreSQL directory: it holds no readable PG_VERSION") from error
    if major > NEWEST_POSTGRES:
        raise EmbeddedError(f"{data} was made by PostgreSQL {major}, newer than the embedded {NEWEST_POSTGRES}")
    postgres_bin(major)
    return major
