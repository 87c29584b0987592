"""Telling whether the process that wrote its name somewhere is still alive.

Behind PgBouncer no database session stands for a process, so a name has to: the machine,
the boot, the process id namespace, the id, and the time the process began, which tells it
from a later one with the same id.
"""

import os
import socket
from pathlib import Path


def this_process() -> str:
    """The name of the calling process, which no other process ever has."""
    return f"{_place()} {os.getpid()} {_began(os.getpid())}"


def has_ended(process: str) -> bool | None:
    """Whether the process of that name has ended; None where that cannot be told from here."""
    place, _, rest = process.partition(" ")
    number, _, began = rest.partition(" ")
    if place != _place() or not number.isdigit():
        return None
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it exists, and is somebody else's
    return bool(began) and _began(int(number)) != began


def _place() -> str:
    """Where a process id means something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # not Linux
        return socket.gethostname()
    return f"{socket.gethostname()}/{boot}/{namespace}"


def _began(number: int) -> str:
    """When a process started, in the kernel's ticks since boot; empty for a zombie, or where that is not told."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
