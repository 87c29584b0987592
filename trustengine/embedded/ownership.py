"""Who runs the servers of a data directory, and who uses them: two locked files.

``owner.lock`` is held by the one process that runs the servers; its text tells the
others what they need to know. ``users.lock`` is shared by every process that uses
them, so that an owner which is about to leave can wait until nobody is left.

Both are ``flock`` locks: the kernel drops them with the process, however it ends.
"""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from trustengine.embedded.errors import EmbeddedError


@dataclass(frozen=True)
class Owner:
    """What the owner of a data directory says about itself."""

    pid: int
    command: str  # "up" or the name of another command
    servers: tuple[str, ...] = ()
    ready: bool = False


class FileLock:
    """A lock on one file, exclusive or shared."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: FileIO | None = None

    def acquire(self, *, shared: bool = False, patience: float | None = None) -> bool:
        """Take the lock; give up after ``patience`` seconds (None: never). Raises EmbeddedError."""
        if self.file is None:
            self.file = _opened(self.path)
        operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        if patience is None:
            fcntl.flock(self.file, operation)
            return True
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(self.file, operation | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    self._close()
                    return False
                time.sleep(0.02)

    def release(self) -> None:
        """Give the lock back; not holding it is fine."""
        self._close()

    def _close(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None


class Ownership(FileLock):
    """The right to run the servers of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir / "owner.lock")

    def announce(self, owner: Owner) -> None:
        """Tell the others who owns the directory and whether its servers are ready."""
        assert self.file is not None
        text = json.dumps(asdict(owner)).encode()
        os.pwrite(self.file.fileno(), text.ljust(512), 0)

    def read(self) -> Owner | None:
        """The owner's announcement, or None if there is none (yet)."""
        try:
            said = json.loads(self.path.read_bytes())
            return Owner(said["pid"], said["command"], tuple(said["servers"]), said["ready"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def release(self) -> None:
        if self.file is not None:
            os.ftruncate(self.file.fileno(), 0)  # an old announcement must not speak for the next owner
        super().release()


class Users(FileLock):
    """The processes that use the servers of one data directory; as a context, this process is one of them."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir / "users.lock")

    def __enter__(self) -> Self:
        self.acquire(shared=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _opened(path: Path) -> FileIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedError(f"cannot write to the data directory {path.parent}: {error.strerror}") from error
    return FileIO(descriptor, "r+")
