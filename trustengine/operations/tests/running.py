"""Whole systems for tests: started as an operator starts them, looked at from outside."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TypeVar

from trustengine.embedded.identity import NOBODY, become

PROJECT = Path(__file__).resolve().parents[3]
MANAGE = [sys.executable, str(PROJECT / "manage.py")]
PATIENCE = 120.0  # only ever waited for in full when something is broken
Found = TypeVar("Found")


def wait_for(condition: Callable[[], Found], what: str, *, patience: float = PATIENCE) -> Found:
    """Return the first true value of ``condition``; fail the test when it takes too long."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain: {what}"
        time.sleep(0.02)
    return value


def free_port() -> int:
    """A port that nobody listens on, from below the range that the kernel gives to outgoing connections."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def environment(**changes: str) -> dict[str, str]:
    """The environment of an operator who has set nothing, apart from ``changes``."""
    hidden = {"DATABASE_URL", "REDIS_URL", "DATA_DIR", "DATABASE_POOL_SIZE", "TRUSTENGINE_SUPERVISED"}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return kept | {"PYTHONWARNINGS": "default"} | changes


def run_command(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a management command to its end."""
    return subprocess.run(
        [*MANAGE, *arguments], env=environment(**changes), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def begin_command(*arguments: str, **changes: str) -> subprocess.Popen[str]:
    """Start a management command and leave it running."""
    return subprocess.Popen(
        [*MANAGE, *arguments],
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def processes_of(data_dir: Path) -> dict[int, str]:
    """Every living process that belongs to a data directory, with its command line."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            belongs = (
                f"DATA_DIR={data_dir}\0".encode() in (folder / "environ").read_bytes()
                or str(data_dir) in command
                or str((folder / "cwd").readlink()).startswith(str(data_dir))
            )
        except OSError:
            continue  # gone, or a kernel thread
        if command and belongs:  # a zombie has no command line
            found[int(folder.name)] = command
    return found


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many seconds."""

    status: int
    headers: Message
    text: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def _begin(*, ordinary_user: bool) -> None:
    """In the new process: hear of a terminal that goes away, also where the tests themselves run under ``nohup``."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if ordinary_user:
        become(NOBODY, NOBODY)


class System:
    """One ``manage.py up`` in a data directory."""

    def __init__(
        self, data_dir: Path, *, ordinary_user: bool = False, stdout: int | None = None, **changes: str
    ) -> None:
        """Start it with ``changes`` to its environment.

        Its output goes to a file beside the directory, or to the descriptor ``stdout``.
        """
        self.data_dir = data_dir
        self.port = free_port()
        data_dir.mkdir(parents=True, exist_ok=True)
        self._stdout, self._stderr = data_dir.with_suffix(".out"), data_dir.with_suffix(".err")
        with self._stdout.open("wb") as output, self._stderr.open("wb") as errors:
            self.process = subprocess.Popen(
                [*MANAGE, "up", "--port", str(self.port), "--data-dir", str(data_dir)],
                env=environment(**changes),
                stdin=subprocess.DEVNULL,
                stdout=output if stdout is None else stdout,
                stderr=errors,
                start_new_session=True,
                preexec_fn=partial(_begin, ordinary_user=ordinary_user),
            )

    @property
    def output(self) -> str:
        return self._stdout.read_text()

    @property
    def errors(self) -> str:
        return self._stderr.read_text()

    def wait_until_ready(self) -> None:
        def ready_or_ended() -> bool:
            assert self.process.poll() is None, f"up has ended: {self.output}{self.errors}"
            return f"ready http://127.0.0.1:{self.port}\n" in self.output

        wait_for(ready_or_ended, "the ready line")

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of an answer; (0, None) while nobody answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: Any = None, *, patience: float = 15, **headers: str) -> Answer:
        """Send a request, over a connection of its own, and measure the answer. Raises OSError."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=patience)
        sent: dict[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, dict):
            body, sent = json.dumps(body), {"Content-Type": "application/json"} | sent
        began = time.monotonic()
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
            return Answer(answer.status, answer.headers, text, time.monotonic() - began)
        finally:
            connection.close()

    def children(self) -> dict[str, int]:
        """The supervisor's children by what they are."""
        marks: dict[str, Sequence[str]] = {
            "postgres": ("bin/postgres ", " -D "),
            "redis": ("valkey-server",),
            "web": ("granian",),
            "worker-high": ("manage.py worker high",),
            "worker-default": ("manage.py worker default",),
            "worker-low": ("manage.py worker low",),
            "scheduler": ("manage.py scheduler",),
        }
        commands = {pid: text for pid, text in processes_of(self.data_dir).items() if parent(pid) == self.process.pid}
        return {
            name: pid
            for name, words in marks.items()
            for pid, text in commands.items()
            if all(w in text for w in words)
        }

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)

    def end(self) -> None:
        """Leave nothing behind, whatever state a failed test has left it in."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def parent(process_id: int) -> int:
    """The parent of a process; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
