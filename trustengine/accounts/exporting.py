"""Everything held about a person, as one JSON document that is never whole in memory.

The apps register their sections in modules called ``export``. A section is a function
that yields the rows of one kind, oldest first, and names the tables that it covers: a
test compares these with all tables that know users or profiles.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import QuerySet
from rest_framework.utils.encoders import JSONEncoder

from trustengine.accounts.models import User

VERSION = 1
BATCH = 500

Row = dict[str, Any]
Function = TypeVar("Function", bound=Callable[[User], Iterable[Row]])


@dataclass(frozen=True)
class Section:
    """One kind of rows about a person; ``covers`` names the models that they come from."""

    name: str
    rows: Callable[[User], Iterable[Row]]
    covers: frozenset[str]


class Encoder(JSONEncoder):
    """Times in RFC 3339 to the microsecond, ids and amounts as text, bytes in hexadecimal."""

    def default(self, obj: Any) -> Any:
        return bytes(obj).hex() if isinstance(obj, bytes | memoryview) else super().default(obj)


_sections: dict[str, Section] = {}


def exporter(name: str, *covers: str) -> Callable[[Function], Function]:
    """Register a function as the section ``app.kind``, which covers these models (``orders.Order``)."""

    def register(function: Function) -> Function:
        _sections[name] = Section(name, function, frozenset(model.lower() for model in covers))
        return function

    return register


def sections() -> list[Section]:
    """Every section, from the lowest storey upwards."""
    return list(_sections.values())


def export_of(user: User) -> Iterator[str]:
    """The document in pieces: ``{"version", "user", "sections": {NAME: [ROW, …]}}``. The same rows, the same text."""
    yield f'{{"version": {VERSION}, "user": "{user.pk}", "sections": {{'
    for number, section in enumerate(sections()):
        yield f"{',' * bool(number)}\n{json.dumps(section.name)}: ["
        for place, row in enumerate(section.rows(user)):
            yield f"{',' * bool(place)}\n{json.dumps(row, cls=Encoder, ensure_ascii=False)}"
        yield "]"
    yield "\n}}\n"


def in_batches(rows: "QuerySet[Any, Any]", *, key: str = "id", size: int = BATCH) -> Iterator[Any]:
    """Rows in the order of a unique key, in short queries: a cursor would stay open while a slow reader reads."""
    batch = list(rows.order_by(key)[:size])
    while batch:
        yield from batch
        last = batch[-1]
        position = last[key] if isinstance(last, dict) else getattr(last, key)
        batch = list(rows.filter(**{f"{key}__gt": position}).order_by(key)[:size]) if len(batch) == size else []
