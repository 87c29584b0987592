"""Going through a run's keys: every batch is one transaction, which holds the changes and the run's own progress.

So a process that is killed at any moment has done a batch wholly or not at all, and the
run says which. Locks: those of the target, in its order, then the run's row.
"""

import signal
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from types import FrameType
from typing import Any, TypeVar

import structlog
from django.db import OperationalError, close_old_connections, connection, transaction

from trustengine.audit.models import Entry
from trustengine.audit.services import draft
from trustengine.bulk import Among, insert_rows
from trustengine.operations.backfilling import Backfill, Change, Days
from trustengine.operations.models import Run, RunChange
from trustengine.operations.progress import ProgressDisplay
from trustengine.operations.reconciling import unhurried
from trustengine.operations.runs import State, advance, finish

logger = structlog.get_logger(__name__)

EXAMPLES = 10
TRIES = 5
FIRST_PAUSE = 0.2  # seconds before a batch is tried again, doubled with each try

Found = TypeVar("Found")


@dataclass
class Done:
    """What a pass has done so far, over all processes that have worked on it."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)
    state: Run.State = State.RUNNING

    def with_batch(self, outcome: Counter[str], changes: Sequence[Change]) -> "Done":
        room = EXAMPLES - len(self.examples)
        examples = self.examples + [asdict(change) for change in changes[: max(room, 0)]]
        return Done(self.counts + outcome, examples)


class Pass(ABC):
    """A kind of pass. ``run`` is None for a rehearsal, of which nothing is kept."""

    name: str
    counted: Sequence[str]  # what it counts, in the order of telling

    def __init__(self, target: Backfill, run: Run | None) -> None:
        self.target = target
        self.run = run

    @abstractmethod
    def count(self) -> int:
        """How many keys there are in all."""

    @abstractmethod
    def page(self, after: str, limit: int) -> Sequence[Any]:
        """The next keys."""

    @abstractmethod
    def act(self, keys: Sequence[Any]) -> tuple[Counter[str], Sequence[Change]]:
        """Do what is to be done about them, in the caller's transaction."""

    def finished(self) -> None:  # noqa: B027
        """Hear that nothing is left, in the transaction that says so."""

    def leave_traces(self, verb: str, changes: Sequence[Change]) -> None:
        """One audit entry for each change, by the system, with the run as its reason."""
        reason = f"run {self.run.pk}" if self.run else ""
        entries = [
            draft(verb, (self.target.about, change.key), before=change.before, after=change.after, reason=reason)
            for change in changes
        ]
        Entry.objects.bulk_create(entries)


class Forward(Pass):
    """Write a target's values anew, and keep what they were where that can be put back."""

    counted = ("checked", "changed", "unchanged", "pending")

    def __init__(self, target: Backfill, run: Run | None, days: Days) -> None:
        super().__init__(target, run)
        self.name = target.name
        self._days = days

    def count(self) -> int:
        return self.target.count(self._days)

    def page(self, after: str, limit: int) -> Sequence[Any]:
        return self.target.keys(self._days, after=after, limit=limit)

    def act(self, keys: Sequence[Any]) -> tuple[Counter[str], Sequence[Change]]:
        applied = self.target.apply(keys)
        if self.run and self.target.revertible:
            insert_rows(RunChange, [{"run_id": self.run.pk, **asdict(change)} for change in applied.changes])
        self.leave_traces(f"backfill.{self.target.name}_changed".replace("-", "_"), applied.changes)
        changed = len(applied.changes)
        unchanged = len(keys) - changed - applied.pending
        outcome = Counter(checked=len(keys), changed=changed, unchanged=unchanged, pending=applied.pending)
        return outcome, applied.changes


class Backward(Pass):
    """Put back what a run has changed, where that still stands."""

    counted = ("checked", "changed", "kept")

    def __init__(self, target: Backfill, run: Run | None, original: Run) -> None:
        super().__init__(target, run)
        self.name = f"revert {target.name}"
        self._changes = RunChange.objects.filter(run=original)
        self._original = original

    def count(self) -> int:
        return self._changes.count()

    def page(self, after: str, limit: int) -> Sequence[Any]:
        return list(self._changes.filter(key__gt=after).order_by("key").values_list("key", flat=True)[:limit])

    def act(self, keys: Sequence[Any]) -> tuple[Counter[str], Sequence[Change]]:
        kept = self._changes.filter(Among("key", keys)).order_by("key")
        made = [Change(change.key, change.before, change.after) for change in kept]
        put_back = self.target.revert(made)
        backwards = [Change(change.key, change.after, change.before) for change in made if change.key in put_back]
        self.leave_traces(f"backfill.{self.target.name}_reverted".replace("-", "_"), backwards)
        outcome = Counter(checked=len(made), changed=len(backwards), kept=len(made) - len(backwards))
        return outcome, backwards

    def finished(self) -> None:
        Run.objects.filter(pk=self._original.pk).update(state=State.REVERTED)


class Stop:
    """A request to stop after the batch at hand; a second signal ends the process as if nobody listened."""

    def __init__(self) -> None:
        self.requested = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear SIGINT, SIGTERM and SIGHUP. Only the main thread can; others are not asked to stop."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

        def request(number: int, frame: FrameType | None) -> None:
            self.requested = True
            for each, handler in before.items():
                signal.signal(each, handler)

        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # nohup
                signal.signal(number, request)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def go_through(work: Pass, *, batch_size: int, stop: Stop, progress: ProgressDisplay) -> Done:
    """Work through the keys that are left, to the end or until asked to stop.

    Raises RunLost where another process has taken the run over. Whatever else is raised
    leaves the run failed, to be gone on with after the last batch that committed.
    """
    run = work.run
    done = Done(Counter(run.counts), list(run.examples)) if run else Done()
    position = run.position if run else ""
    progress.begin(work.name, _unhurried(work.count))
    while keys := _unhurried(partial(work.page, position, batch_size)):
        done = _insisting(partial(_batch, work, keys, done))
        position = str(keys[-1])
        if run:
            run.position = position
        progress.advance(done.counts["checked"], told(work, done.counts))
        if stop.requested:
            done.state = State.INTERRUPTED
            if run:
                finish(run, State.INTERRUPTED)
            progress.end(told(work, done.counts))
            return done
    if run:
        with transaction.atomic():
            work.finished()
            finish(run, State.DONE)
    done.state = State.DONE
    progress.end(told(work, done.counts))
    return done


def told(work: Pass, counts: Counter[str]) -> str:
    """The counts in words."""
    return ", ".join(f"{counts[name]:,} {name}" for name in work.counted)


def _batch(work: Pass, keys: Sequence[Any], done: Done) -> Done:
    with transaction.atomic():
        outcome, changes = work.act(keys)
        now_done = done.with_batch(outcome, changes)
        if work.run:
            counts = {name: now_done.counts[name] for name in work.counted}
            advance(work.run, position=str(keys[-1]), counts=counts, examples=now_done.examples)
        else:
            transaction.set_rollback(True)
    return now_done


def _insisting(act: Callable[[], Found]) -> Found:
    """Try again where traffic held a lock for too long, two transactions deadlocked or the connection was cut."""
    pause = FIRST_PAUSE
    for _ in range(TRIES - 1):
        try:
            return act()
        except OperationalError as error:
            logger.warning("backfill_batch_failed", error=str(error).strip())
            if connection.in_atomic_block:
                raise
            close_old_connections()
            time.sleep(pause)
            pause *= 2
    return act()


def _unhurried(read: Callable[[], Found]) -> Found:
    def at_leisure() -> Found:
        with unhurried():
            return read()

    return _insisting(at_leisure)
