"""Where the embedded servers of a data directory listen: derived from its path alone."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

POSTGRES_PORT = 5432  # only part of the socket's file name
LONGEST_SOCKET_PATH = 90  # the kernel's limit is 107 bytes; PostgreSQL appends its own file name


@dataclass(frozen=True)
class Addresses:
    """Socket directory of one data directory, and the URLs of the two servers in it."""

    directory: Path

    @property
    def database_url(self) -> str:
        # With its port, although there is no TCP: else a PGPORT in the environment would name another socket.
        return f"postgres://trustengine@{quote(str(self.directory), safe='')}:{POSTGRES_PORT}/trustengine"

    @property
    def redis_socket(self) -> Path:
        return self.directory / "redis.sock"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.redis_socket}?db=0"


def addresses(data_dir: Path) -> Addresses:
    """The sockets of ``data_dir``: inside it, or under a hashed name in the temp folder if its path is too long."""
    inside = data_dir.resolve() / "run"
    if len(str(inside / f".s.PGSQL.{POSTGRES_PORT}").encode()) <= LONGEST_SOCKET_PATH:
        return Addresses(inside)
    digest = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]
    return Addresses(Path(tempfile.gettempdir()) / f"trustengine-{digest}")
