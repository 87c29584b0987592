"""One batch of a file: weighed row by row, written and settled in one transaction."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, OperationalError, transaction

from trustengine.operations.importing.columns import Key, Row
from trustengine.operations.importing.importer import Importer, Kind, Planned, listeners
from trustengine.operations.importing.rejects import Reason, Refusal, Reject
from trustengine.operations.importing.states import Verdict, weigh

ATTEMPTS = 5


@dataclass
class Memory:
    """What the rows accepted so far have taken, of one file: ids and what was claimed beside them.

    Sixteen bytes for most, so that millions of rows fit.
    """

    contents: dict[bytes, int] = field(default_factory=dict)
    claims: dict[bytes, bytes] = field(default_factory=dict)

    def add(self, other: "Memory") -> None:
        self.contents |= other.contents
        self.claims |= other.claims


@dataclass
class Outcome:
    """What became of a batch: the contract's counts, the rejects in file order, and what was taken."""

    counts: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)
    taken: Memory = field(default_factory=Memory)


def load_batch(
    kind: Kind, entries: Sequence[Row | Reject], memory: Memory, *, absent: frozenset[str], derive: bool
) -> Outcome:
    """Load one batch, and answer what became of it once that is committed.

    Tried again where traffic got in the way: a lock not had in time, a deadlock, or the
    same new row stored by somebody else at this moment. ``memory`` is only read.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _Batch(kind(), memory, absent).load(entries, derive=derive)
        except (OperationalError, IntegrityError):
            if attempt == ATTEMPTS:
                raise
            time.sleep(0.1 * 2**attempt)
    raise AssertionError


class _Batch:
    """The rows of one batch on their way to verdicts."""

    def __init__(self, importer: Importer, memory: Memory, absent: frozenset[str]) -> None:
        self.importer = importer
        self.memory = memory
        self.absent = absent
        self.outcome = Outcome()

    def load(self, entries: Iterable[Row | Reject], *, derive: bool) -> Outcome:
        waiting = list(entries)
        rows = [entry for entry in waiting if isinstance(entry, Row)]
        self.importer.look_up(rows)
        self.stored = self.importer.stored({row.key for row in rows})
        creations: list[Planned] = []
        candidates: list[Planned] = []
        for entry in waiting:
            self.outcome.counts["read"] += 1
            if isinstance(entry, Reject):
                self._reject(entry)
            elif refusal := self._refusal(entry):
                self._reject(entry.reject(refusal))
            elif planned := self._plan(entry):
                (candidates if planned.stored else creations).append(planned)
        if creations or candidates:
            self._write(creations, candidates, derive=derive)
        return self.outcome

    def _reject(self, reject: Reject) -> None:
        self.outcome.counts["rejected"] += 1
        self.outcome.rejects.append(reject)

    def _refusal(self, row: Row) -> Refusal | None:
        """The first rule that a row breaks, in the contract's order."""
        if refusal := self.importer.refusal(row):
            return refusal
        before = self._content_of(row.key_bytes)
        if before is not None:
            same = before == row.content
            return None if same else Refusal(Reason.DUPLICATE_ID, self.importer.key[0])
        if claim := self.importer.claim(row):
            taken, refusal = claim
            holder = self.memory.claims.get(taken) or self.outcome.taken.claims.get(taken)
            if holder or self.importer.rival(row):
                return refusal
            self.outcome.taken.claims[taken] = row.key_bytes
        return None

    def _content_of(self, key: bytes) -> int | None:
        """The content of the row accepted before under this id, if any."""
        return self.memory.contents.get(key, self.outcome.taken.contents.get(key))

    def _plan(self, row: Row) -> Planned | None:
        """Accept a row: what is to be written, or None where it is counted as unchanged or kept."""
        if self._content_of(row.key_bytes) is not None:
            self.outcome.counts[Verdict.UNCHANGED] += 1
            return None
        self.outcome.taken.contents[row.key_bytes] = row.content
        stored = self.stored.get(row.key)
        verdict, state = weigh(self.importer.state(row), stored, self.absent)
        self.importer.accepted(row, verdict)
        if verdict is Verdict.CREATED:
            return Planned(row, self.importer.with_initial(state), None)
        if verdict is Verdict.UPDATED:
            return Planned(row, state, stored)
        self.outcome.counts[verdict] += 1
        return None

    def _write(self, creations: list[Planned], candidates: list[Planned], *, derive: bool) -> None:
        """Updates come first, in file order: one may free what a creation takes."""
        self.importer.lock([*creations, *candidates])
        updates = self._still_updates(candidates)
        if updates:
            self.importer.update(updates)
        if creations:
            self.importer.create(creations)
        self.outcome.counts[Verdict.CREATED] += len(creations)
        self.outcome.counts[Verdict.UPDATED] += len(updates)
        written = [*updates, *creations]
        if written and derive:
            self.importer.settle(written)
            for listener in listeners(self.importer.name):
                listener(written)

    def _still_updates(self, candidates: list[Planned]) -> list[Planned]:
        """Weigh again under lock: somebody may have changed a row since it was looked up."""
        if not candidates:
            return []
        keys: set[Key] = {planned.row.key for planned in candidates}
        locked = self.importer.stored(keys, lock=True)
        updates = []
        for planned in candidates:
            stored = locked.get(planned.row.key)
            if stored is None:
                raise IntegrityError("a row was deleted while it was being imported")
            verdict, state = weigh(self.importer.state(planned.row), stored, self.absent)
            if verdict is Verdict.UPDATED:
                updates.append(Planned(planned.row, state, stored))
            else:
                self.outcome.counts[verdict] += 1
        return updates
