"""The files in which a process keeps what it counts, for a scrape to add up over all processes.

prometheus_client maps its files into memory. Where the disk is full, a write to a mapped
page has no block to go to: the kernel sends SIGBUS, and every process that counts dies.
Here the counts live in the process's memory, and writes to the file are system calls that
may fail: then the process counts on, and writes all of it once there is space again. The
format of the files is prometheus_client's, which also reads them.
"""

import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from prometheus_client import mmap_dict, values

RETRY_SECONDS = 5.0
HEADER = struct.Struct("ii")  # how many bytes are used, and padding
LENGTH = struct.Struct("i")
VALUE = struct.Struct("dd")  # the value and its time


class MetricFile:
    """The values of one process and one type of metric. Stands in for ``MmapedDict``; its caller holds a lock."""

    def __init__(self, filename: str) -> None:
        self._path = Path(filename)
        self._content = bytearray(HEADER.pack(HEADER.size, 0))
        self._positions: dict[str, int] = {}
        self._file: int | None = None
        self._try_again_at = 0.0
        self._load()
        self._save()

    def read_value(self, key: str) -> tuple[float, float]:
        """A value and its time; a key that is new begins with zeros."""
        value, timestamp = VALUE.unpack_from(self._content, self._position(key))
        return value, timestamp

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        position = self._position(key)
        VALUE.pack_into(self._content, position, value, timestamp)
        self._write(position, VALUE.size)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _position(self, key: str) -> int:
        if key not in self._positions:
            self._append(key)
        return self._positions[key]

    def _append(self, key: str) -> None:
        name = key.encode()
        padded = name + b" " * (VALUE.size // 2 - (len(name) + LENGTH.size) % (VALUE.size // 2))
        begin = len(self._content)
        self._content += LENGTH.pack(len(name)) + padded + VALUE.pack(0.0, 0.0)
        HEADER.pack_into(self._content, 0, len(self._content), 0)
        self._positions[key] = len(self._content) - VALUE.size
        self._write(begin, len(self._content) - begin)
        self._write(0, HEADER.size)  # last: whoever reads meanwhile does not see half an entry

    def _load(self) -> None:
        """Go on where a process that had the same number has ended."""
        try:
            content = bytearray(self._path.read_bytes())
            used = max(HEADER.unpack_from(content)[0], HEADER.size)
            known = mmap_dict._read_all_values(content, used)  # type: ignore[no-untyped-call]
            self._positions = {key: position for key, _, _, position in known}
            self._content = content[:used]
        except (OSError, struct.error, RuntimeError, UnicodeDecodeError):
            self._positions = {}  # there is none, or it is broken

    def _save(self) -> None:
        """Write all of it under another name first, so that a scrape never reads half a file."""
        draft = self._path.with_suffix(".new")
        try:
            draft.write_bytes(self._content)
            draft.replace(self._path)
            self._file = os.open(self._path, os.O_WRONLY)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            self._leave_alone()

    def _write(self, begin: int, length: int) -> None:
        if self._file is None:
            if time.monotonic() >= self._try_again_at:
                self._save()
            return
        try:
            written = os.pwrite(self._file, self._content[begin : begin + length], begin)
        except OSError:
            written = 0
        if written < length:
            self._leave_alone()

    def _leave_alone(self) -> None:
        self.close()
        self._try_again_at = time.monotonic() + RETRY_SECONDS


def install() -> None:
    """Have prometheus_client keep its values in these files, if it keeps any. Before the first metric is made."""
    module: Any = values
    module.MmapedDict = MetricFile
