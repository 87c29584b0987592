"""Finding the files of an import and reading their records, whatever state they are in.

A record that breaks the rules of CSV costs one physical line: reading goes on at the
line after the one where it began, so that a stray quote does not swallow what follows.
"""

import csv
import gzip
import hashlib
import io
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

# Columns that are not read may hold whole pages and pictures. What is longer than this costs its line.
LONGEST_LINE = 67_108_864  # characters
# A quote that is never closed takes the lines that follow into its record, until there are more characters than these;
# then all of those are read again. Each time it happens fewer are waited for, so that a damaged file stays readable.
MOST_FOLLOWING, LEAST_FOLLOWING = 16_777_216, 131_072

csv.field_size_limit(LONGEST_LINE + MOST_FOLLOWING)
CHUNK = 1_048_576


class Unusable(Exception):
    """The directory cannot be imported; the message tells the operator why."""


@dataclass(frozen=True)
class Record:
    """One record; ``line`` is the physical line where it begins, ``start`` the text of that line where it is no CSV."""

    line: int
    cells: list[str] | None
    start: str = ""


@dataclass(frozen=True)
class Source:
    """One file of the import, plain or compressed."""

    name: str
    path: Path

    def digest(self) -> str:
        """SHA-256 of the file's contents, uncompressed. Raises Unusable where they cannot be read to the end."""
        seen = hashlib.sha256()
        try:
            with self._open() as (_, content):
                while chunk := content.read(CHUNK):
                    seen.update(chunk)
        except (OSError, EOFError, zlib.error) as error:
            raise Unusable(f"{self.path.name} cannot be read: {error}") from error
        return seen.hexdigest()

    @contextmanager
    def records(self) -> Iterator["Records"]:
        """The file's records in order. Bytes that are not UTF-8 come as lone surrogates."""
        with self._open() as (raw, content):
            text = io.TextIOWrapper(content, encoding="utf-8-sig", errors="surrogateescape", newline="")
            yield Records(text, raw)

    @contextmanager
    def _open(self) -> Iterator[tuple[BinaryIO, BinaryIO]]:
        with self.path.open("rb") as raw:
            if self.path.suffix == ".gz":
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield raw, cast(BinaryIO, unpacked)
            else:
                yield raw, raw


def find_source(directory: Path, name: str) -> Source | None:
    """``name.csv`` or ``name.csv.gz``, if there is one. Raises Unusable if there are both."""
    found = [path for path in (directory / f"{name}.csv", directory / f"{name}.csv.gz") if path.is_file()]
    if len(found) > 1:
        raise Unusable(f"there are both {found[0].name} and {found[1].name}: remove one")
    return Source(name, found[0]) if found else None


class Records(Iterator[Record]):
    """The records of an open file; blank lines are none."""

    def __init__(self, text: TextIO, raw: BinaryIO) -> None:
        self._raw = raw
        self._lines = _Lines(text)
        self._reader = csv.reader(self._lines, strict=True)

    @property
    def position(self) -> int:
        """Bytes of the file on disk read so far."""
        return self._raw.tell()

    def __next__(self) -> Record:
        while True:
            self._lines.begin()
            try:
                cells = next(self._reader)
            except csv.Error:
                broken = self._lines.go_back()
                self._reader = csv.reader(self._lines, strict=True)
                return Record(self._lines.first, None, broken)
            if cells:
                return Record(self._lines.first, cells)


class _Lines(Iterator[str]):
    """Physical lines, counted from 1, with those of a broken record read again."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._number = 0
        self._waiting: deque[str] = deque()
        self._taken: list[str] = []
        self._following = 0
        self._most_following = MOST_FOLLOWING
        self.first = 1

    def begin(self) -> None:
        """A record begins with the next line."""
        self.first = self._number + 1
        self._taken.clear()
        self._following = 0

    def go_back(self) -> str:
        """Go on at the line after the one where the record began; returns that one."""
        first, *later = self._taken
        self._waiting.extendleft(reversed(later))
        self._number = self.first
        if later:
            self._most_following = max(self._most_following // 2, LEAST_FOLLOWING)
        return first.rstrip("\r\n")

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else self._read()
        if not line:
            raise StopIteration
        self._number += 1
        self._following += len(line) if self._taken else 0
        self._taken.append(line)
        if len(line) >= LONGEST_LINE or self._following > self._most_following:
            raise csv.Error("record too long")
        return line

    def _read(self) -> str:
        line = rest = self._text.readline(LONGEST_LINE)
        while len(rest) == LONGEST_LINE and not rest.endswith("\n"):
            rest = self._text.readline(LONGEST_LINE)
        return line
