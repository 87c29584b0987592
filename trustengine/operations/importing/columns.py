"""From the cells of a record to the values of a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any
from uuid import UUID

from trustengine.operations.importing.reading import Record, Unusable
from trustengine.operations.importing.rejects import Reason, Refusal, Reject
from trustengine.operations.importing.values import Parser

Key = tuple[UUID, ...]


class Unsaid(Enum):
    """The value of a cell that says nothing: what is stored stays, and a new row gets its importer's initial value."""

    UNSAID = "unsaid"


UNSAID = Unsaid.UNSAID


@dataclass(frozen=True)
class Column:
    """A column of an import file. ``default`` is what an empty or absent cell means where it may be empty."""

    name: str
    parse: Parser
    required: bool = True
    default: Any = None


@dataclass
class Row:
    """A record whose cells are all well-formed."""

    line: int
    key: Key
    values: dict[str, Any]
    cells: dict[str, str]

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    @cached_property
    def key_bytes(self) -> bytes:
        return b"".join(part.bytes for part in self.key)

    @cached_property
    def content(self) -> int:
        """Equal for rows that say the same, in whatever spelling. Means nothing outside of this process."""
        return hash(tuple(self.values.values()))

    def reject(self, refusal: Refusal) -> Reject:
        return Reject(self.line, refusal.column, self.cells.get(refusal.column, ""), refusal.reason)


class Layout:
    """Where an importer's columns stand in a file."""

    def __init__(self, columns: Sequence[Column], key: Sequence[str], header: Record | None, file: str) -> None:
        """Raises Unusable if the header misses a required column or has one twice."""
        if header is None or header.cells is None:
            raise Unusable(f"{file} has no header row")
        names = [cell.strip() for cell in header.cells]
        for column in columns:
            if column.required and column.name not in names:
                raise Unusable(f"{file}: the header row misses the required column {column.name}")
            if names.count(column.name) > 1:
                raise Unusable(f"{file}: the header row has the column {column.name} twice")
        self._names = names
        self._key = key
        self._present = [(names.index(column.name), column) for column in columns if column.name in names]
        self._defaults = {column.name: column.default for column in columns if column.name not in names}
        self.absent = frozenset(self._defaults)

    def parse(self, record: Record) -> Row | Reject:
        """A row, or why it is none: the first column that is bad or missing."""
        cells = record.cells
        if cells is None:
            return Reject(record.line, "", record.start, Reason.INVALID_VALUE)
        if len(cells) != len(self._names):
            return self._ragged(record.line, cells)
        values = dict(self._defaults)
        given = {}
        for position, column in self._present:
            cell = given[column.name] = cells[position]
            if cell and not cell.isspace():
                try:
                    values[column.name] = column.parse(cell)
                except (ValueError, OverflowError):
                    return Reject(record.line, column.name, cell, Reason.INVALID_VALUE)
            elif column.required:
                return Reject(record.line, column.name, cell, Reason.INVALID_VALUE)
            else:
                values[column.name] = column.default
        return Row(record.line, tuple(values[name] for name in self._key), values, given)

    def _ragged(self, line: int, cells: list[str]) -> Reject:
        """Too few cells miss the first column without one; too many have a value that belongs to none."""
        if len(cells) < len(self._names):
            return Reject(line, self._names[len(cells)], "", Reason.INVALID_VALUE)
        return Reject(line, "", cells[len(self._names)], Reason.INVALID_VALUE)
