"""Entries in words: who did what to what, and what changed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Model, Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from trustengine.admin.identities import SEE_IDENTITIES, in_confidence
from trustengine.admin.presentation import page_of
from trustengine.audit.models import Entry

ABSENT = object()
_confidential: dict[str, dict[str, str]] = {}
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Change:
    """One member of ``before`` and ``after``: its name and both values in words, "" where there was none."""

    name: str
    before: str
    after: str

    @property
    def is_same(self) -> bool:
        return self.before == self.after

    @property
    def brief(self) -> tuple[str, str]:
        """Both values for a line of a list: of an id its end, of a long one its beginning."""
        return _brief(self.before), _brief(self.after)


@dataclass(frozen=True)
class Line:
    """An entry as the console shows it. ``actor`` is a user, or None for the system or somebody who is gone.

    It is ``IN_CONFIDENCE`` where the viewer may not know who it was.
    """

    entry: Entry
    actor: Any
    url: str
    object_url: str

    @property
    def verb(self) -> str:
        return in_words(self.entry.verb)

    @property
    def about(self) -> str:
        return about(self.entry)

    @property
    def changes(self) -> list[Change]:
        return changes(self.entry)

    @property
    def is_gone(self) -> bool:
        """Whether a person acted whose account does not exist any more."""
        return self.entry.actor_id is not None and self.actor is None


def lines(entries: Iterable[Entry], viewer: Any) -> list[Line]:
    """Entries with their actors and addresses, in one query for all of them."""
    entries = list(entries)
    actors = get_user_model()._default_manager.in_bulk({entry.actor_id for entry in entries if entry.actor_id})
    return [
        Line(entry, _actor(entry, actors, viewer), page_of(entry, viewer), object_page(entry, viewer))
        for entry in entries
    ]


def keep_in_confidence(verb: str, **after: str) -> None:
    """Name who did this to those alone who may see identities, as with what reporters do.

    ``after`` narrows it to entries that say so.
    """
    _confidential[verb] = after


def without_actors_in_confidence(viewer: Any) -> Q:
    """The entries whose actor this viewer may know: what a search for an actor may answer."""
    if viewer.has_perm(SEE_IDENTITIES):
        return Q()
    told = Q(pk__in=[])
    for verb, after in _confidential.items():
        told |= Q(verb=verb, **{f"after__{name}": value for name, value in after.items()})
    return ~told | Q(actor_id=viewer.pk)


def _is_confidential(entry: Entry) -> bool:
    after = _confidential.get(entry.verb)
    return after is not None and all(entry.after.get(name) == value for name, value in after.items())


def _actor(entry: Entry, actors: dict[Any, Any], viewer: Any) -> Any:
    if entry.actor_id is not None and _is_confidential(entry):
        known = in_confidence(entry.actor_id, viewer)
        return actors.get(entry.actor_id) if known == entry.actor_id else known
    return actors.get(entry.actor_id)


def trail(rows: Sequence[Model], viewer: Any, *, limit: int = 50) -> list[Line]:
    """The latest entries about any of these rows, newest first."""
    by_type: dict[str, list[str]] = {}
    for row in rows:
        by_type.setdefault(row._meta.label_lower, []).append(str(row.pk))
    about_them = Q(pk__in=[])
    for object_type, ids in by_type.items():
        about_them |= Q(object_type=object_type, object_id__in=ids)
    return lines(Entry.objects.filter(about_them).order_by("-at", "-id")[:limit], viewer)


def in_words(verb: str) -> str:
    """A verb for reading: "review.approved" is "Review approved"."""
    return verb.replace(".", " ").replace("_", " ").capitalize()


def about(entry: Entry) -> str:
    """What an entry is about: the kind of thing, and the end of its id."""
    model = _model(entry)
    kind = str(model._meta.verbose_name) if model else entry.object_type
    end = entry.object_id[-8:] if len(entry.object_id) >= 32 else entry.object_id  # ids are long, names are not
    return f"{kind} {end}"


def object_page(entry: Entry, viewer: Any) -> str:
    """The address of the page of what an entry is about, or ""."""
    model = _model(entry)
    return page_of((model, entry.object_id), viewer) if model else ""


def changes(entry: Entry) -> list[Change]:
    """Every member that an entry names, changed ones first, in the order they were recorded."""
    names = dict.fromkeys([*entry.before, *entry.after])
    found = [
        Change(name.replace("_", " "), _value(entry.before.get(name, ABSENT)), _value(entry.after.get(name, ABSENT)))
        for name in names
    ]
    return sorted(found, key=lambda change: change.is_same)


def _model(entry: Entry) -> type[Model] | None:
    try:
        return apps.get_model(entry.object_type)
    except (LookupError, ValueError):
        return None


def _value(value: Any) -> str:
    if value is ABSENT:
        return ""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_value(item)}" for name, item in value.items()) or "none"
    moment = _moment(value)
    return f"{timezone.localtime(moment):%d %b %Y, %H:%M:%S}" if moment else str(value)


def _brief(text: str) -> str:
    if UUID_TEXT.fullmatch(text):
        return text[-8:]
    return f"{text[:40]}…" if len(text) > 41 else text


def _moment(value: Any) -> datetime | None:
    """A time that was recorded as text; None for anything else, and for a time without a zone."""
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and timezone.is_aware(moment) else None
