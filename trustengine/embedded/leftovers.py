"""Lock files that a killed PostgreSQL has left behind.

PostgreSQL itself clears a lock file whose process is gone, after making sure that no
orphaned backend still uses the data. It refuses to start when the number now belongs
to someone else or to a zombie, both common in containers: that is settled here. The
caller holds the lock of the data directory, so nobody else runs a server on it.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from trustengine.embedded.errors import EmbeddedError

PATIENCE = 10  # seconds


def clear_lock_file(file: Path, *, data: Path) -> None:
    """Settle a lock file of the server on ``data``: end an orphan, remove a misleading file. Raises EmbeddedError."""
    try:
        owner = abs(int(file.read_text().splitlines()[0]))
    except FileNotFoundError:
        return
    except (OSError, ValueError, IndexError):
        file.unlink(missing_ok=True)
        return
    if str(data) in command_of(owner):
        _end(owner, data)
    if _exists(owner):
        file.unlink(missing_ok=True)


def command_of(process_id: int) -> str:
    """The command line of a process; empty for a zombie and for no process."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{process_id}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    found = subprocess.run(["ps", "-o", "command=", "-p", str(process_id)], capture_output=True, text=True, check=False)
    return found.stdout


def _end(process_id: int, data: Path) -> None:
    """Tell an orphaned server to quit (again, where the kernel has done so) and wait for that."""
    deadline = time.monotonic() + PATIENCE
    with suppress(OSError):
        os.kill(process_id, signal.SIGQUIT)
    while str(data) in command_of(process_id):
        if time.monotonic() > deadline:
            raise EmbeddedError(f"process {process_id} still serves {data} and does not end: stop it first")
        time.sleep(0.02)


def _exists(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
