"""Processes that do not outlive their parent, by the kernel's parent death signal (Linux).

The signal comes when the *thread* that started the process ends, so children are
started from the main thread, and it reaches children only, not grandchildren.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
SUPERVISED = "TRUSTENGINE_SUPERVISED"  # set for the processes that `manage.py up` starts

# Loaded here and not when first needed: between fork and exec nothing may be imported.
libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def request_death_signal(number: int) -> None:
    """Ask the kernel to send ``number`` to this process when its parent ends. Does nothing outside Linux."""
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def die_with_parent() -> None:
    """Make this process end when its parent does, if it belongs to a running ``manage.py up``.

    Called at the top of ``wsgi.py``: the web server starts its workers itself, so
    they are grandchildren of the supervisor, which cannot do this for them.
    """
    if os.environ.get(SUPERVISED) != "1":
        return
    request_death_signal(signal.SIGKILL)
    if os.getppid() == 1:  # the parent ended before the request
        os.kill(os.getpid(), signal.SIGKILL)
