"""How rows that have had their time leave the tables.

An app declares what it keeps and for how long in its module ``jobs``; one job an hour
deletes what is older, by the database's clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model, QuerySet

from trustengine.database_time import database_now
from trustengine.jobs.models import Job

PRUNE_BATCH = 5_000
OVER_SINCE = {Job.State.DONE: "finished_at", Job.State.DEAD: "dead_letter_at"}  # each has an index of its own


def delete_over(state: str, *, before: datetime) -> int:
    """Delete the jobs that have been done, or dead, since before a moment; returns how many.

    In batches, oldest first. KeyError for a state in which a job is not over.
    """
    moment = OVER_SINCE[Job.State(state)]
    over = Job.objects.filter(state=state, **{f"{moment}__lt": before})
    deleted = 0
    while ids := list(over.order_by(moment).values_list("pk", flat=True)[:PRUNE_BATCH]):
        deleted += over.filter(pk__in=ids).delete()[0]
    return deleted


@dataclass(frozen=True)
class Retention:
    """Rows of one model that go once ``moment`` is older than ``days`` says; ``rows`` narrows or orders them."""

    model: type[Model]
    moment: str
    days: Callable[[], float]
    rows: Callable[[], QuerySet[Any]]


_retentions: dict[str, Retention] = {}


def keep(
    model: type[Model],
    *,
    moment: str,
    days: Callable[[], float],
    rows: Callable[[], QuerySet[Any]] | None = None,
) -> None:
    """Declare that rows of a model are kept for so many days after a moment of theirs, and deleted then."""
    _retentions[model._meta.label] = Retention(model, moment, days, rows or model._default_manager.all)


def retentions() -> dict[str, Retention]:
    """What was declared, by the model's label."""
    return dict(_retentions)


def prune_kept() -> dict[str, int]:
    """Delete what has been kept for its time, in batches; returns how many rows of each model."""
    return {label: _prune(retention) for label, retention in _retentions.items()}


def _prune(retention: Retention) -> int:
    before = database_now() - timedelta(days=retention.days())
    old = retention.rows().filter(**{f"{retention.moment}__lt": before})
    deleted = 0
    while ids := list(old.order_by().values_list("pk", flat=True)[:PRUNE_BATCH]):
        deleted += len(ids)
        retention.model._default_manager.filter(pk__in=ids).delete()
    return deleted
