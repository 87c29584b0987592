"""Rows that were not taken, and why."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from trustengine.spreadsheets import harmless

LONGEST_VALUE = 200


class Reason(StrEnum):
    """The contract's codes, in the order in which a row is checked."""

    INVALID_VALUE = "INVALID_VALUE"
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    DUPLICATE_ID = "DUPLICATE_ID"
    DUPLICATE_REVIEW = "DUPLICATE_REVIEW"


@dataclass(frozen=True)
class Refusal:
    """Why a row cannot be taken, and the column that shows it."""

    reason: Reason
    column: str


@dataclass(frozen=True)
class Reject:
    """One row that was not taken. ``line`` is where it begins, counted from 1 with the header."""

    line: int
    column: str
    value: str
    reason: Reason


class RejectsFile:
    """The CSV that an operator reads, or sends back to where the data came from. Without a path, nothing.

    Made to be opened in a spreadsheet program: a value that begins like a formula has an apostrophe before it.
    """

    HEADER = ("file", "line", "column", "value", "reason")

    def __init__(self, path: Path | None) -> None:
        """Opens the file at once, so that a bad path shows before anything is loaded. Raises OSError."""
        # Bytes that were not UTF-8 are shown as \udcXX, so that the file itself is valid.
        self._stream = path and path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = self._stream and csv.writer(self._stream, lineterminator="\n")
        if self._writer:
            self._writer.writerow(self.HEADER)

    def add(self, file: str, rejects: Iterable[Reject]) -> None:
        if self._writer and self._stream:
            self._writer.writerows(
                (file, reject.line, harmless(reject.column), harmless(shortened(reject.value)), reject.reason)
                for reject in rejects
            )
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream:
            self._stream.close()


def shortened(value: str) -> str:
    """A value that fits a line: enough of it to be found again."""
    return value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1] + "…"
