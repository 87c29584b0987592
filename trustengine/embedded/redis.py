"""The embedded Redis: Valkey, on a Unix socket, with an append-only file that survives restarts."""

import signal
import subprocess
from pathlib import Path

from trustengine.embedded.binaries import valkey_server
from trustengine.embedded.children import server_environment, start_child
from trustengine.embedded.errors import EmbeddedError
from trustengine.embedded.server import Server, connected

DATABASES = 64  # tests use one per xdist worker


class Redis(Server):
    """Valkey, the Redis that stayed free."""

    name = "redis"
    stop_signal = signal.SIGTERM

    def __init__(self, data_dir: Path, sockets: Path, *, throwaway: bool = False) -> None:
        super().__init__(data_dir, sockets)
        self.durable = not throwaway

    @property
    def socket(self) -> Path:
        return self.sockets / "redis.sock"

    def prepare(self) -> None:
        try:
            self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise EmbeddedError(f"cannot write to {self.data.parent}: {error.strerror}") from error

    def spawn(self) -> subprocess.Popen[bytes]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "databases": str(DATABASES),
            "save": "",
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "daemonize": "no",
        }
        return start_child(
            [valkey_server(), *(word for name, value in options.items() for word in (f"--{name}", value))],
            log=self.log,
            death_signal=signal.SIGTERM,
            environment=server_environment(),
        )

    def answers(self) -> bool:
        """Whether a PING is answered: while it loads its file, the socket is open but the answer is an error."""
        connection = connected(self.socket)
        if connection is None:
            return False
        with connection:
            try:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False
