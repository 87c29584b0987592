"""Leaving a trace. Called inside the transaction of the change itself, so both commit or neither does."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from trustengine.audit.models import Entry
from trustengine.bulk import insert_rows
from trustengine.jobs.running import current_job_id

State = Mapping[str, Any]
DRAFTED = [field.attname for field in Entry._meta.concrete_fields if not field.has_db_default()]


def record(
    verb: str,
    about: models.Model | tuple[str, object],
    *,
    actor: Any = None,
    before: State | None = None,
    after: State | None = None,
    reason: str = "",
) -> Entry:
    """Add an entry: ``actor`` (a user, or None for the system) did ``verb`` to ``about``.

    ``about`` is a row, or (type, id) for what is none. ``before`` and ``after`` hold the
    members that changed: ids, codes, numbers and times, never text that a person wrote.
    """
    entry = draft(verb, about, actor=actor, before=before, after=after, reason=reason)
    entry.save(force_insert=True)
    return entry


def draft(
    verb: str,
    about: models.Model | tuple[str, object],
    *,
    actor: Any = None,
    before: State | None = None,
    after: State | None = None,
    reason: str = "",
) -> Entry:
    """An entry that is not stored yet, for ``record_all`` where one verb touches many rows."""
    context = structlog.contextvars.get_contextvars()
    object_type, object_id = (about._meta.label_lower, about.pk) if isinstance(about, models.Model) else about
    return Entry(
        actor_kind=Entry.ActorKind.SYSTEM if actor is None else Entry.ActorKind.USER,
        actor_id=None if actor is None else actor.pk,
        verb=verb,
        object_type=object_type,
        object_id=str(object_id),
        before=_plain(before),
        after=_plain(after),
        reason=reason,
        request_id=str(context.get("request_id", ""))[:64],
        client_request_id=str(context.get("client_request_id", ""))[:64],
        job_id=current_job_id(),
    )


def record_all(entries: Iterable[Entry]) -> None:
    """Add drafted entries, in one COPY however many they are."""
    insert_rows(Entry, [{name: getattr(entry, name) for name in DRAFTED} for entry in entries])


def _plain(state: State | None) -> dict[str, Any]:
    """The state as JSON: ids, times and amounts become text. Raises TypeError for what has no such form."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(state or {}), cls=DjangoJSONEncoder))
    return plain
