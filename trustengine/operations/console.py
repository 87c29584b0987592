"""What the supervisor says, and what it hears: a steady output, and signals that wait their turn."""

import io
import os
import select
import signal
import socket
from types import FrameType, TracebackType
from typing import Self, TextIO

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class SteadyOutput(io.TextIOBase):
    """A text stream that goes on, silently, when its terminal is closed or its reader has left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._silence()
        return len(text)

    def say(self, line: str) -> None:
        """Print one line, at once."""
        self.write(f"{line}\n")

    def _silence(self) -> None:
        """Let the rest go nowhere; what is still buffered would otherwise fail at the interpreter's exit."""
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            pass


class Stopped(BaseException):
    """A signal asked the supervisor to stop while it was still starting."""


class StopSignals:
    """SIGTERM, SIGINT and SIGHUP as a request that is looked at, and a wait that they and a child's death end.

    While ``raising``, the first of them is raised as Stopped, to leave a start that would take long.
    """

    def __init__(self) -> None:
        self.requested = False
        self.raising = True

    def __enter__(self) -> Self:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                signal.signal(number, self._request)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The process is about to end: late signals must not turn a clean exit into another one.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()

    def wait(self, seconds: float) -> None:
        """Wait until a signal comes, at most so long."""
        select.select([self._reader], [], [], seconds)
        try:
            while self._reader.recv(512):
                pass
        except BlockingIOError:
            pass

    def _request(self, number: int, frame: FrameType | None) -> None:
        first, self.requested = not self.requested, True
        if first and self.raising:
            raise Stopped
