"""A whole import: find the files, look at each before anything is written, load them in order."""

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from django.db import connection, transaction

from trustengine.audit.services import record
from trustengine.operations.importing.batches import Memory, load_batch
from trustengine.operations.importing.columns import Layout, Row
from trustengine.operations.importing.importer import Kind, importers
from trustengine.operations.importing.reading import Records, Source, Unusable, find_source
from trustengine.operations.importing.rejects import Reject, RejectsFile
from trustengine.operations.progress import ProgressDisplay

MANY_ROWS = 1_000
COUNTS = ("read", "created", "updated", "unchanged", "kept", "rejected")


@dataclass(frozen=True)
class Load:
    """One file that is fit to be loaded: readable to its end, with every required column."""

    kind: Kind
    source: Source
    digest: str

    def layout(self, records: Records) -> Layout:
        return Layout(self.kind.columns, self.kind.key, next(records, None), self.source.path.name)


@dataclass
class Result:
    """Per file, in the order of loading, the contract's counts; and over all files, how often each reason."""

    files: dict[str, dict[str, int]] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def rejected(self) -> int:
        return sum(counts["rejected"] for counts in self.files.values())


def survey(directory: Path) -> list[Load]:
    """The files to load, in order. Raises Unusable, with the file and what is wrong with it."""
    if not directory.is_dir():
        raise Unusable(f"{directory} is not a directory")
    loads = []
    for kind in importers():
        try:
            source = find_source(directory, kind.name)
            if source is None:
                continue
            load = Load(kind, source, source.digest())
            with source.records() as records:
                load.layout(records)
        except OSError as error:
            raise Unusable(f"{directory} cannot be read: {error.strerror}") from error
        loads.append(load)
    if not loads:
        names = " ".join(f"{kind.name}.csv" for kind in importers())
        raise Unusable(f"{directory} holds none of {names} (each plain or .gz)")
    return loads


class _RolledBack(Exception):
    """Ends the one transaction of a dry run."""


def run(
    loads: list[Load], *, batch_size: int, dry_run: bool, rejects: RejectsFile, progress: ProgressDisplay
) -> Result:
    """Load the files; with ``dry_run``, in one transaction that is rolled back at the end.

    Otherwise each batch commits with everything derived from it, so that an import which
    is cut off leaves nothing half done, and running it again completes it.
    """
    result = Result()
    try:
        with transaction.atomic() if dry_run else nullcontext():
            for load in loads:
                result.files[load.kind.name] = _load_file(load, result.reasons, batch_size, dry_run, rejects, progress)
            if dry_run:
                raise _RolledBack
    except _RolledBack:
        pass
    return result


def _load_file(
    load: Load, reasons: Counter[str], batch_size: int, dry_run: bool, rejects: RejectsFile, progress: ProgressDisplay
) -> dict[str, int]:
    file = load.source.path.name
    counts: Counter[str] = Counter()
    memory = Memory()
    with load.source.records() as records:
        layout = load.layout(records)
        progress.begin(load.kind.name, load.source.path.stat().st_size)
        for entries in _batches(records, layout, batch_size):
            outcome = load_batch(load.kind, entries, memory, absent=layout.absent, derive=not dry_run)
            memory.add(outcome.taken)
            counts += outcome.counts
            reasons.update(reject.reason for reject in outcome.rejects)
            rejects.add(file, outcome.rejects)
            progress.advance(records.position, f"{counts['read']:,} rows")
    told = {name: counts[name] for name in COUNTS}
    progress.end(f"{counts['read']:,} rows")
    if not dry_run:
        if counts["created"] + counts["updated"] >= MANY_ROWS:
            _refresh_statistics()
        record("import.file_loaded", ("import", load.kind.name), after={**told, "sha256": load.digest})
    return told


def _refresh_statistics() -> None:
    """Tell the planner how large the tables have become, rather than wait for autovacuum to do so.

    Without it, what reads them next, be it the next file or ``reconcile``, may be planned for empty tables.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _batches(records: Records, layout: Layout, size: int) -> Iterator[list[Row | Reject]]:
    while batch := [layout.parse(record) for record in islice(records, size)]:
        yield batch
