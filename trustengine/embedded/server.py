"""What the two embedded servers have in common: launch, wait until they answer, restart."""

import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

from trustengine.embedded.children import telling_line
from trustengine.embedded.errors import EmbeddedError

PATIENCE = 60  # seconds; crash recovery of a busy database takes its time


class Server(ABC):
    """One server program, run as a direct child of this process."""

    name: str
    stop_signal: signal.Signals

    def __init__(self, data_dir: Path, sockets: Path) -> None:
        self.data = data_dir / self.name
        self.sockets = sockets
        self.log = data_dir / "logs" / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._log_began = 0

    @abstractmethod
    def prepare(self) -> None:
        """Make or check the server's own directory. Raises EmbeddedError."""

    @abstractmethod
    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the program, without waiting until it answers. Raises EmbeddedError."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server takes connections now."""

    def launch(self) -> None:
        """Prepare and start; also used again after the program has died. Raises EmbeddedError."""
        self.prepare()
        self._log_began = self.log.stat().st_size if self.log.exists() else 0
        self.process = self.spawn()

    def wait_until_ready(self, patience: float = PATIENCE) -> None:
        """Return when the server takes connections. Raises EmbeddedError with the server's own words."""
        deadline = time.monotonic() + patience
        while not self.answers():
            if not self.alive:
                raise EmbeddedError(f"{self.name} did not start: {self.last_words()} (see {self.log})")
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{self.name} did not answer within {patience:.0f} s (see {self.log})")
            time.sleep(0.01)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def last_words(self) -> str:
        """The most telling line logged since the launch."""
        try:
            with self.log.open("rb") as log:
                log.seek(self._log_began if self.log.stat().st_size >= self._log_began else 0)
                return telling_line(log.read().decode(errors="replace"))
        except OSError as error:
            return str(error)


def connected(path: Path) -> socket.socket | None:
    """A connection to the Unix socket, or None where nobody listens."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(2)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection
