"""How one kind of file is imported: the class that the domain apps extend, and the registry they fill."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from trustengine.operations.importing.columns import UNSAID, Column, Key, Row
from trustengine.operations.importing.rejects import Refusal
from trustengine.operations.importing.states import State, Stored, Verdict, state_digest


@dataclass(frozen=True)
class Planned:
    """An accepted row that will be written: the state to write, and what it replaces."""

    row: Row
    state: State
    stored: Stored | None

    @property
    def digest(self) -> bytes:
        return state_digest(self.state)


class Importer(ABC):
    """One batch of one kind of file. A fresh instance serves each batch, and may keep what it looks up.

    The batch runs in one transaction, in this order: ``look_up``; then per row, in file
    order, ``refusal``, ``stored``, ``claim`` and ``rival``, ``state``; then ``lock``,
    ``create``, ``update`` and ``settle``. Nothing here may publish events: imported
    history is no news.
    """

    name: ClassVar[str]
    columns: ClassVar[Sequence[Column]]
    key: ClassVar[Sequence[str]]
    initial: ClassVar[dict[str, Callable[[], Any]]] = {}  # of new rows, where the file says nothing

    def look_up(self, rows: Sequence[Row]) -> None:  # noqa: B027
        """Fetch what the rows refer to, with one query per kind."""

    def refusal(self, row: Row) -> Refusal | None:
        """Why a well-formed row cannot be taken: an unknown reference, or a rule of the domain."""
        return None

    def claim(self, row: Row) -> tuple[bytes, Refusal] | None:
        """What only one accepted row of a file may have beside its id, and the refusal of the next."""
        return None

    def rival(self, row: Row) -> bool:
        """Whether another row in the database has what ``claim`` names."""
        return False

    @abstractmethod
    def state(self, row: Row) -> State:
        """What this row would write, with UNSAID for what it leaves open."""

    @abstractmethod
    def stored(self, keys: Collection[Key], *, lock: bool = False) -> dict[Key, Stored]:
        """What the database holds of these rows; with ``lock``, locked in a fixed order first."""

    def accepted(self, row: Row, verdict: Verdict) -> None:  # noqa: B027
        """Hear what becomes of a row, before the next one is looked at."""

    def lock(self, planned: Sequence[Planned]) -> None:  # noqa: B027
        """Lock what stands before these rows in the lock order."""

    @abstractmethod
    def create(self, planned: Sequence[Planned]) -> None:
        """Store rows that are new."""

    @abstractmethod
    def update(self, planned: Sequence[Planned]) -> None:
        """Write rows that an earlier import stored, in file order; they are locked."""

    def settle(self, planned: Sequence[Planned]) -> None:  # noqa: B027
        """Bring what is derived from these rows in line with them, in the same transaction."""

    def with_initial(self, state: State) -> State:
        """A new row's state, with an initial value for whatever the file left open."""
        return {name: self.initial[name]() if value is UNSAID else value for name, value in state.items()}


Kind = type[Importer]
Listener = Callable[[Sequence[Planned]], None]
AnyImporter = TypeVar("AnyImporter", bound=Kind)
AnyListener = TypeVar("AnyListener", bound=Listener)

_importers: dict[str, Kind] = {}
_listeners: dict[str, list[Listener]] = defaultdict(list)


def importer(name: str) -> Callable[[AnyImporter], AnyImporter]:
    """Register the class that imports ``name.csv``.

    Files are loaded in the order of registration. Apps are discovered from the lowest
    storey upwards, so what a file refers to has always been loaded before it.
    """

    def register(kind: AnyImporter) -> AnyImporter:
        kind.name = name
        _importers[name] = kind
        return kind

    return register


def after_import_of(*names: str) -> Callable[[AnyListener], AnyListener]:
    """Call this function with what a batch of these files has written, in the batch's own transaction.

    So a higher app derives what follows from a lower app's rows, as they are and as they
    were. It must repeat harmlessly.
    """

    def register(listener: AnyListener) -> AnyListener:
        for name in names:
            if listener not in _listeners[name]:
                _listeners[name].append(listener)
        return listener

    return register


def importers() -> list[Kind]:
    return list(_importers.values())


def listeners(name: str) -> list[Listener]:
    return _listeners[name]
