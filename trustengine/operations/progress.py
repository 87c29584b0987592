"""Showing on standard error how far a long command has come: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

SECONDS_BETWEEN_LINES = 5.0


class ProgressDisplay:
    """Steps of known or unknown size, one after the other. ``quiet`` shows nothing but the bar of a terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        console = Console(stderr=True)
        self._lines = not console.is_terminal and not quiet
        self._bar = Progress(
            TextColumn("{task.description:14}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._name = ""
        self._spoke_at = 0.0

    def begin(self, name: str, total: int | None) -> None:
        self._name = name
        self._spoke_at = time.monotonic()
        self._task = self._bar.add_task(name, total=total, note="")

    def advance(self, completed: int, note: str) -> None:
        """So much of the step is done; ``note`` says what that means."""
        if self._task is not None:
            self._bar.update(self._task, completed=completed, note=note)
        if self._lines and time.monotonic() - self._spoke_at >= SECONDS_BETWEEN_LINES:
            self._speak(note)

    def end(self, note: str) -> None:
        if self._task is not None:
            self._bar.update(self._task, total=1, completed=1, note=note)
        if self._lines:
            self._speak(note)

    def _speak(self, note: str) -> None:
        self._spoke_at = time.monotonic()
        print(f"{self._name}: {note}", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
