"""Starting child processes that end with their parent and do not hear the terminal's Ctrl-C."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path

from trustengine.embedded.errors import EmbeddedError
from trustengine.embedded.identity import Identity
from trustengine.embedded.parent_death import request_death_signal

LARGEST_LOG = 5_000_000
COPIED_AT_ONCE = 1_000_000
PRIVATE = 0o600
SETUP_FAILED = 97


def start_child(
    command: Sequence[str | Path],
    *,
    log: Path,
    death_signal: int = signal.SIGKILL,
    identity: Identity | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a process group of its own, its output appended to ``log``.

    Call it from the main thread: the child gets ``death_signal`` when the thread that
    started it ends. Raises EmbeddedError.
    """
    try:
        with open_log(log) as output:
            return subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=directory,
                process_group=0,
                preexec_fn=_setup(death_signal, identity or Identity()),
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedError(f"cannot start {command[0]}: {error}") from error


def run_tool(command: Sequence[str | Path], *, identity: Identity, text: str = "") -> str:
    """Run a server's short-lived tool to its end and return its output. Raises EmbeddedError."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=server_environment(),
            process_group=0,
            preexec_fn=_setup(signal.SIGKILL, identity),
            timeout=120,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedError(f"cannot run {command[0]}: {error}") from error
    if done.returncode:
        raise EmbeddedError(f"{Path(command[0]).name} failed: {telling_line(done.stdout)}")
    return done.stdout


def server_environment() -> dict[str, str]:
    """The environment for servers and their tools: no variable of the user's changes what they do."""
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C", "TZ": "UTC"}


def open_log(log: Path) -> FileIO:
    """The log file opened to append to, readable by its owner only."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    rotate_log(log)
    file = FileIO(log, "ab", opener=_open_private)
    os.fchmod(file.fileno(), PRIVATE)  # one that an earlier version has made
    return file


def rotate_log(log: Path) -> bool:
    """Copy an overly long log to ``NAME.log.1`` and empty it; whether it was so long.

    Its writers go on meanwhile: they append, so that their next line is the first of the
    emptied file. Servers write through a descriptor that nobody else can open again for them.
    """
    try:
        if log.stat().st_size <= LARGEST_LOG:
            return False
        with FileIO(log, "rb") as full, FileIO(log.with_name(f"{log.name}.1"), "wb", opener=_open_private) as kept:
            os.fchmod(kept.fileno(), PRIVATE)
            while piece := full.read(COPIED_AT_ONCE):
                kept.write(piece)
            os.truncate(log, 0)  # at once after the last byte was read
    except OSError:
        return False  # there is none, or no space to keep it: it grows on
    return True


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)


def stop_children(children: Iterable[tuple[subprocess.Popen[bytes], int]], *, patience: float) -> list[int]:
    """Send each child its signal, wait for all together, then kill what is left of their process groups.

    Returns the process ids of those that had to be killed.
    """
    waiting = [(child, number) for child, number in children if child.poll() is None]
    for child, number in waiting:
        child.send_signal(number)
    deadline = time.monotonic() + patience
    while any(child.poll() is None for child, _ in waiting) and time.monotonic() < deadline:
        time.sleep(0.01)
    stragglers = [child.pid for child, _ in waiting if child.poll() is None]
    for child, _ in waiting:
        kill_group(child.pid)  # also what a child that ended well has left behind
        child.wait()
    return stragglers


def kill_group(group: int) -> None:
    """Kill every process of a group; none being left is fine."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def telling_line(output: str) -> str:
    """The line of a server's output that says best what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for mark in ("FATAL:", "PANIC:", "fatal:", "error:", "# "):
        for line in reversed(lines):
            if mark in line:
                return line[line.index(mark) :]
    return lines[-1] if lines else "no output"


def _setup(death_signal: int, identity: Identity) -> Callable[[], None]:
    parent = os.getpid()

    def setup() -> None:
        try:
            identity.assume()
        except OSError:
            os._exit(SETUP_FAILED)
        request_death_signal(death_signal)  # after the change of identity, which clears it
        if os.getppid() != parent:
            os._exit(SETUP_FAILED)

    return setup
