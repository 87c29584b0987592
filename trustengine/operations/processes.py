"""One child of the supervisor: started, and started again with back-off when it dies."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from trustengine.embedded import EmbeddedError
from trustengine.embedded.children import telling_line

FIRST_DELAY = 0.5  # seconds, doubled with each death
LONGEST_DELAY = 30.0
STEADY_AFTER = 30.0  # seconds of life that make the next death count as the first


class KeptProcess:
    """A process that shall run until the supervisor stops it.

    ``launch`` starts it and returns it, or raises EmbeddedError; ``log`` is where its output goes.
    """

    def __init__(self, name: str, launch: Callable[[], subprocess.Popen[bytes]], *, log: Path) -> None:
        self.name = name
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._launch = launch
        self._delay = FIRST_DELAY
        self._started_at = 0.0
        self._restart_at: float | None = None

    def start(self) -> str:
        """Start it now. Returns a line for the operator if it could not be started."""
        self._started_at = time.monotonic()
        self._restart_at = None
        try:
            self.process = self._launch()
        except EmbeddedError as error:
            self.process = None
            return self._plan_restart(str(error))
        return ""

    def adopt(self, process: subprocess.Popen[bytes]) -> None:
        """Keep a process that runs already."""
        self._started_at = time.monotonic()
        self.process = process

    def tend(self) -> str:
        """Notice a death, or restart when it is time. Returns a line for the operator if something happened."""
        if self._restart_at is not None:
            return self.start() if time.monotonic() >= self._restart_at else ""
        if self.process is None or self.process.poll() is None:
            return ""
        return self._plan_restart(f"ended {_how(self.process.returncode)}")

    @property
    def next_event_in(self) -> float:
        """Seconds until ``tend`` has something to do, as far as that is known."""
        return LONGEST_DELAY if self._restart_at is None else max(0.0, self._restart_at - time.monotonic())

    def _plan_restart(self, problem: str) -> str:
        now = time.monotonic()
        if now - self._started_at >= STEADY_AFTER:
            self._delay = FIRST_DELAY
        delay, self._delay = self._delay, min(self._delay * 2, LONGEST_DELAY)
        self._restart_at = now + delay
        return f"{self.name} {problem}; restarting in {delay:g} s{self._hint()}"

    def _hint(self) -> str:
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 4_000))
                last = telling_line(log.read().decode(errors="replace"))
        except OSError:
            return ""
        return f" ({self.log}: {last[:160]})"


def _how(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
