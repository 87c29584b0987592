"""From the cells of a record to the values of a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any
from uuid import UUID

from trustengine.operations.importing.headers import found, names_of
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

    def __init__(
        self,
        columns: Sequence[Column],
        key: Sequence[str],
        header: Record | None,
        file: str,
        *,
        whole_rows: bool = False,
    ) -> None:
        """Raises Unusable if the header misses a required column or has one twice, with what was found instead.

        With ``whole_rows`` a row that ends early is rejected: where an empty cell means much, such as "all of it",
        a row that was cut off must not say so.
        """
        names = names_of(header, [column.name for column in columns if column.required], file)
        for column in columns:
            if names.count(column.name) > 1:
                raise Unusable(f"{file}: the header row has the column {column.name} twice; {found(names)}")
        self._names = names
        self._key = key
        self._whole_rows = whole_rows
        self._present = [(names.index(column.name), column) for column in columns if column.name in names]
        self._defaults = {column.name: column.default for column in columns if column.name not in names}
        self.absent = frozenset(self._defaults)

    def parse(self, record: Record) -> Row | Reject:
        """A row, or why it is none: the first column that is bad or missing."""
        cells = record.cells
        if cells is None:
            return Reject(record.line, "", record.start, Reason.INVALID_VALUE)
        if len(cells) > len(self._names) and any(cells[len(self._names) :]):
            return Reject(record.line, "", next(filter(None, cells[len(self._names) :])), Reason.INVALID_VALUE)
        if self._whole_rows and len(cells) < len(self._names):
            return Reject(record.line, self._names[len(cells)], "", Reason.INVALID_VALUE)
        cells += [""] * (len(self._names) - len(cells))  # programs leave out what is empty at the end of a row
        values = dict(self._defaults)
        given = {}
        for position, column in self._present:
            cell = given[column.name] = cells[position]
            try:
                value = column.parse(cell) if cell and not cell.isspace() else ""
            except (ValueError, OverflowError):
                return Reject(record.line, column.name, cell, Reason.INVALID_VALUE)
            if value == "" and column.required:
                return Reject(record.line, column.name, cell, Reason.INVALID_VALUE)
            values[column.name] = column.default if value == "" else value
        return Row(record.line, tuple(values[name] for name in self._key), values, given)
