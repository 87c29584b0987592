"""The demo's time, its chance, and the rows it has made so far."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, models
from django.utils import timezone

from trustengine.accounts.models import User
from trustengine.audit.models import Entry
from trustengine.audit.services import draft

DAYS = 60
BATCH = 1_000

Row = TypeVar("Row", bound=models.Model)


class World:
    """A marketplace in the making: nothing is stored before ``store``.

    History ends at ``horizon``, the midnight with which the present day began, so that the
    same seed gives the same rows all day long; only today's orders come up to ``now``.
    """

    def __init__(self, *, seed: int, now: datetime) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.now = now
        self.horizon = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
        self.rows: dict[type[models.Model], list[Any]] = defaultdict(list)
        self.touched: dict[type[models.Model], dict[UUID, datetime]] = defaultdict(dict)

    def add(self, row: Row) -> Row:
        """Keep a row for ``store``."""
        self.rows[type(row)].append(row)
        return row

    def uuid(self, moment: datetime) -> UUID:
        """A version 7 UUID of that moment, so that ids sort as they would have."""
        milliseconds = int(moment.timestamp() * 1_000)
        bits = self.rng.getrandbits
        return UUID(int=milliseconds << 80 | 7 << 76 | bits(12) << 64 | 2 << 62 | bits(62))

    def beside(self, purpose: str) -> "World":
        """The same world by another chance: what is made with it does not change what is made without."""
        other = copy(self)
        other.rng = random.Random(f"{self.seed} {purpose}")
        return other

    def ago(self, days: float) -> datetime:
        """So many days before the horizon."""
        return self.horizon - timedelta(days=days)

    def later(self, moment: datetime, *, hours: tuple[float, float]) -> datetime:
        """Some hours after a moment, between the two given numbers."""
        return moment + timedelta(hours=self.rng.uniform(*hours))

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def touch(self, row: models.Model, moment: datetime) -> None:
        """Note when a row last changed."""
        moments = self.touched[type(row)]
        moments[row.pk] = max(moment, moments.get(row.pk, moment))

    def record(
        self,
        moment: datetime,
        verb: str,
        about: models.Model | tuple[str, object],
        *,
        actor: User | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> None:
        """Add to the audit what the services would have recorded at that moment."""
        entry = draft(verb, about, actor=actor, before=before, after=after, reason=reason)
        entry.id, entry.at = self.uuid(moment), moment
        self.add(entry)

    def store(self, order: Sequence[type[models.Model]]) -> None:
        """Insert all rows, table after table, and give them the times of their last changes."""
        self.rows[Entry].sort(key=lambda entry: entry.id)
        for model in order:
            model._default_manager.bulk_create(self.rows[model], batch_size=BATCH)
        if forgotten := set(self.rows) - set(order):
            raise ValueError(f"no place in the order of tables: {forgotten}")
        for model, moments in self.touched.items():
            set_moments(model, "updated_at", moments)


def set_moments(model: type[models.Model], column: str, moments: Mapping[UUID, datetime]) -> None:
    """Set a time in many rows by one statement, past Django's ``auto_now`` as well."""
    table, name = (connection.ops.quote_name(text) for text in (model._meta.db_table, column))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS row SET {name} = given.moment "  # nosec B608
            "FROM unnest(%s::uuid[], %s::timestamptz[]) AS given (id, moment) WHERE row.id = given.id",
            [list(moments), list(moments.values())],
        )
