"""Backfills: how a derived value is written anew over a stretch of history, batch by batch.

The domain apps fill this registry from their ``backfills`` modules; the ``backfill``
command supplies batches, records, progress, output and exit codes.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from trustengine.operations.registry import Drift, Reconciler, Values


@dataclass(frozen=True)
class Change:
    """What has been changed about a key. The values are JSON from which ``revert`` makes them again, exactly."""

    key: str
    before: Values
    after: Values


@dataclass(frozen=True)
class Applied:
    """What became of a batch: the changes, and the keys left to a job that is on its way to them."""

    changes: Sequence[Change] = ()
    pending: int = 0


@dataclass(frozen=True)
class Days:
    """Calendar days of the marketplace, both ends included; None leaves an end open."""

    since: date | None = None
    until: date | None = None

    def within(self, column: str) -> dict[str, date]:
        """The lookups that keep to these days, for a date column or ``moment__date``."""
        ends = {f"{column}__gte": self.since, f"{column}__lte": self.until}
        return {lookup: day for lookup, day in ends.items() if day}

    def __bool__(self) -> bool:
        return bool(self.since or self.until)


class Backfill(ABC):
    """One derived value, written anew from its facts, by key.

    Keys are gone through in order and remembered as text, so that a run can stop after any
    batch. ``apply`` must repeat harmlessly: what is right already is no change.
    """

    name: ClassVar[str]
    about: ClassVar[str]  # what a key identifies, as audit entries call it
    revertible: ClassVar[bool] = False

    @abstractmethod
    def rows(self, days: Days) -> QuerySet[Any]:
        """The rows whose primary keys are gone through, by the days of their facts."""

    @abstractmethod
    def apply(self, keys: Sequence[Any]) -> Applied:
        """Write these keys' values anew, in the caller's transaction, under their locks."""

    def keys(self, days: Days, *, after: str, limit: int) -> Sequence[Any]:
        """The next keys in order, after one that an earlier page ended with; from the first where that is empty."""
        rows = self.rows(days).order_by("pk")
        return list((rows.filter(pk__gt=after) if after else rows).values_list("pk", flat=True)[:limit])

    def count(self, days: Days) -> int:
        return self.rows(days).count()

    def revert(self, changes: Sequence[Change]) -> set[str]:
        """Put the values before back, exactly, where the values after still stand; returns the keys of those."""
        raise NotImplementedError(f"{self.name} cannot be reverted")


class Rederivation(Backfill):
    """A backfill of what a reconciler compares: look without locks, lock what disagrees, look again, write.

    So keys that are right, which is most of them, hold up no traffic.
    """

    reconciler: ClassVar[type[Reconciler]]

    @abstractmethod
    def lock(self, keys: Sequence[Any]) -> None:
        """Lock what every writer of these keys' values locks, in the fixed order, until commit."""

    @abstractmethod
    def write(self, drifts: Sequence[Drift]) -> None:
        """Write what is expected; the keys are locked, and the drift was seen under those locks."""

    def apply(self, keys: Sequence[Any]) -> Applied:
        target = self.reconciler()
        suspects = [drift.key for drift in target.drifted(keys)]
        pending = target.pending(suspects) if suspects else set()
        disagreeing = sorted(set(suspects) - pending)
        if not disagreeing:
            return Applied(pending=len(pending))
        self.lock(disagreeing)
        drifts = list(target.drifted(disagreeing))
        self.write(drifts)
        changes = [Change(str(drift.key), exact_json(drift.found), exact_json(drift.expected)) for drift in drifts]
        return Applied(changes, pending=len(pending))


def exact_json(values: Values) -> Values:
    """The values as JSON that loses nothing. (Django's own encoder cuts times to milliseconds.)"""
    plain: Values = json.loads(json.dumps(values, default=_exact))
    return plain


def _exact(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{value!r} has no exact form in JSON")


AnyBackfill = TypeVar("AnyBackfill", bound=type[Backfill])

_backfills: dict[str, type[Backfill]] = {}


def backfill(name: str) -> Callable[[AnyBackfill], AnyBackfill]:
    """Register a class as the target ``name`` of the ``backfill`` command."""

    def register(kind: AnyBackfill) -> AnyBackfill:
        kind.name = name
        _backfills[name] = kind
        return kind

    return register


def backfills() -> dict[str, type[Backfill]]:
    """Every target by its name, from the lowest storey upwards."""
    return dict(_backfills)
