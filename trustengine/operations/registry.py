"""Reconcilers: how each derived value is compared with its facts, and made to agree again.

The domain apps fill this registry from their ``reconcilers`` modules; the ``reconcile``
command supplies batches, progress, output and exit codes.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from trustengine.audit.services import record
from trustengine.bulk import Among
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of

Values = dict[str, Any]


@dataclass(frozen=True)
class Drift:
    """A key whose derived value (``found``) is not what its facts say (``expected``)."""

    key: UUID
    expected: Values
    found: Values


class Reconciler(ABC):
    """One derived value against its facts, by key.

    ``job`` is the coalesced handler, if any, that brings a key up to date: while one is
    to run for a key, its value is late rather than wrong.
    """

    name: ClassVar[str]
    about: ClassVar[str]  # what a key identifies, as audit entries call it
    job: ClassVar[Callable[[str], Any] | None] = None
    most_keys: ClassVar[int | None] = None  # in one comparison, where each key is a lot of work
    remedy: ClassVar[str] = ""  # what to do instead, where no fix is possible

    @abstractmethod
    def rows(self) -> QuerySet[Any]:
        """The rows whose primary keys are compared."""

    @abstractmethod
    def changed(self, since: datetime) -> QuerySet[Any]:
        """Those of ``rows`` whose facts or derived value may have changed since then."""

    def page(
        self, *, only: UUID | None = None, since: datetime | None = None, after: UUID | None = None, limit: int
    ) -> Sequence[UUID]:
        """The next keys in scope, in order. For keys that are no rows' primary keys, say this and ``count`` anew."""
        rows = self._scope(only, since)
        rest = rows.filter(pk__gt=after) if after else rows
        return list(rest.order_by("pk").values_list("pk", flat=True)[:limit])

    def count(self, *, only: UUID | None = None, since: datetime | None = None) -> int:
        """How many keys are in scope."""
        return self._scope(only, since).count()

    def _scope(self, only: UUID | None, since: datetime | None) -> QuerySet[Any]:
        rows = self.changed(since) if since else self.rows()
        return rows.filter(pk=only) if only else rows

    @abstractmethod
    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        """Compare these keys, and tell those that disagree."""

    @abstractmethod
    def lock(self, key: UUID) -> None:
        """Lock what every writer of this key's derived value locks, in the fixed order, until commit."""

    @abstractmethod
    def repair(self, drift: Drift) -> None:
        """Write what is expected; the key is locked, and the drift was seen under that lock."""

    def at_large(self) -> Iterable[Drift]:
        """What no key of ``rows`` can show, such as rows that are gone. Asked when all keys are compared."""
        return ()

    def pending(self, ids: Sequence[UUID]) -> set[UUID]:
        """Those of the keys for which a job is still to run. A dead letter will not, so it excuses nothing."""
        handler = type(self).job  # through the class, so that the function stays unbound
        if handler is None:
            return set()
        waiting = Job.objects.filter(
            Among("key", map(str, ids)),
            kind=handler_of(handler).kind,
            state__in=[Job.State.READY, Job.State.RUNNING],
        )
        return {UUID(key) for key in waiting.values_list("key", flat=True)}

    def fix(self, drift: Drift) -> bool:
        """Make a key agree with its facts, unless somebody else has done so meanwhile; True if it now does."""
        if self.remedy:
            return False
        with transaction.atomic():
            self.lock(drift.key)
            for seen in self.drifted([drift.key]):
                self.repair(seen)
                self.leave_trace(seen)
            # What traffic has added since has brought its own job, which waits for this lock.
            return not list(self.drifted([drift.key])) or drift.key in self.pending([drift.key])

    def leave_trace(self, drift: Drift) -> None:
        record(
            f"reconcile.{self.name}_fixed".replace("-", "_"),
            (self.about, drift.key),
            before=drift.found,
            after=drift.expected,
        )


AnyReconciler = TypeVar("AnyReconciler", bound=type[Reconciler])

_reconcilers: dict[str, type[Reconciler]] = {}


def reconciler(name: str) -> Callable[[AnyReconciler], AnyReconciler]:
    """Register a class as the target ``name`` of the ``reconcile`` command."""

    def register(kind: AnyReconciler) -> AnyReconciler:
        kind.name = name
        _reconcilers[name] = kind
        return kind

    return register


def reconcilers() -> dict[str, type[Reconciler]]:
    """Every target by its name, from the lowest storey upwards."""
    return dict(_reconcilers)
