"""Going through every key of a target: batch by batch, each on one snapshot, to the end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from django.db import OperationalError, connection, transaction

from trustengine.database.timeouts import long_job
from trustengine.operations.registry import Drift, Reconciler

logger = structlog.get_logger(__name__)

EXAMPLES = 10


@dataclass
class Findings:
    """What became of one target. ``pending`` keys are late, because a job is still to run, and not in ``drifted``."""

    checked: int = 0
    drifted: int = 0
    fixed: int = 0
    pending: int = 0
    examples: list[Drift] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        return self.drifted - self.fixed

    @property
    def counts(self) -> dict[str, int]:
        return {"checked": self.checked, "drifted": self.drifted, "fixed": self.fixed, "pending": self.pending}

    def __str__(self) -> str:
        return f"{self.checked:,} checked, {self.drifted:,} drifted"


@dataclass(frozen=True)
class Scope:
    """Which keys are compared: all, those changed since a moment, or one."""

    only: UUID | None = None
    since: datetime | None = None


def compare(
    target: Reconciler, *, scope: Scope, fix: bool, batch_size: int, findings: Findings, after: UUID | None = None
) -> Iterator[UUID]:
    """Compare every key in scope that follows ``after``, and with ``fix`` make those that drifted agree.

    Adds to ``findings``, and yields the last key of each batch. Safe while traffic flows:
    a comparison is a read-only snapshot of one short batch, and a fix looks again under
    the key's lock.
    """
    for ids in _batches(target, scope, page_size(target, batch_size), after):
        with one_snapshot():
            drifts = list(target.drifted(ids))
            pending = target.pending([drift.key for drift in drifts]) if drifts else set()
        findings.checked += len(ids)
        for drift in drifts:
            if drift.key in pending:
                findings.pending += 1
                continue
            _count_drift(findings, target, drift, fix=fix)
        yield ids[-1]
    if scope == Scope():
        for drift in target.at_large():
            _count_drift(findings, target, drift, fix=fix)


def page_size(target: Reconciler, batch_size: int) -> int:
    """How many keys a batch holds: as many as asked for, unless the target can bear fewer."""
    return min(batch_size, target.most_keys or batch_size)


def count(target: Reconciler, scope: Scope) -> int:
    """How many keys are in scope."""
    with unhurried():
        return target.count(only=scope.only, since=scope.since)


def _count_drift(findings: Findings, target: Reconciler, drift: Drift, *, fix: bool) -> None:
    findings.drifted += 1
    if len(findings.examples) < EXAMPLES:
        findings.examples.append(drift)
    if fix:
        findings.fixed += _fixed(target, drift)


@contextmanager
def unhurried() -> Iterator[None]:
    """Let a read take longer than the role's statement timeout allows a request."""
    with long_job(), transaction.atomic():
        yield


@contextmanager
def one_snapshot() -> Iterator[None]:
    """A short read-only transaction in which every statement sees the same moment.

    So a value, its facts and the job that will bring them together are seen as one commit left them.
    """
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _batches(target: Reconciler, scope: Scope, size: int, last: UUID | None) -> Iterator[Sequence[UUID]]:
    """Keys in order, page by page: each starts after the last key of the one before."""
    while True:
        with unhurried():
            page = target.page(only=scope.only, since=scope.since, after=last, limit=size)
        if page:
            yield page
        if len(page) < size:
            return
        last = page[-1]


def _fixed(target: Reconciler, drift: Drift) -> bool:
    """False where the key's lock could not be had in time: the drift remains, and the rest goes on."""
    try:
        return target.fix(drift)
    except OperationalError as error:
        logger.warning("reconcile_not_fixed", target=target.name, key=str(drift.key), error=str(error).strip())
        return False
