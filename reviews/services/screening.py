"""Changing what screening goes by: versions of the policy, and the deny list.

Locks: the policy's published row, then the draft; a term by the unique index on its folded form.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from reviews.folding import disguised
from reviews.models import DenyTerm, PolicyRule, ScreeningPolicy
from reviews.screening.catalogue import KINDS
from reviews.screening.policy import BUILT_IN, from_row
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, InvalidTransition, NotFound, PermissionDenied

PERMISSION = "reviews.edit_screening"
PARAMETERS = ("queue_at", "restrict_at", "min_reputation", "min_consecutive")
MOST_WORDS = 8

State = ScreeningPolicy.State


@transaction.atomic
def draft_policy(*, actor: User) -> ScreeningPolicy:
    """A draft of the next version, as a copy of the one in force; one's own open draft where there is one.

    Raises PermissionDenied.
    """
    _require(actor)
    _take_turns()
    own = ScreeningPolicy.objects.filter(state=State.DRAFT, created_by=actor).first()
    if own is not None:
        return own
    row = ScreeningPolicy.objects.filter(state=State.PUBLISHED).first()
    source = BUILT_IN if row is None else from_row(row)
    draft = ScreeningPolicy.objects.create(
        version=_next_version(), created_by=actor, **{name: getattr(source, name) for name in PARAMETERS}
    )
    rules = {name: source.rule(name) for name in KINDS}
    PolicyRule.objects.bulk_create(
        PolicyRule(policy=draft, signal=name, enabled=rule.enabled, weight=rule.weight, action=rule.action)
        for name, rule in rules.items()
    )
    record("policy.drafted", draft, actor=actor, after={"version": draft.version, "from": source.version})
    return draft


@transaction.atomic
def change_draft(
    policy_id: UUID, *, actor: User, parameters: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]
) -> ScreeningPolicy:
    """Set a draft's thresholds, and per signal ``enabled``, ``weight`` and ``action``. Only a draft changes.

    Raises NotFound, PermissionDenied, InvalidTransition for a version that was in force.
    """
    draft = _lock_draft(policy_id, actor)
    for name in PARAMETERS:
        setattr(draft, name, parameters[name])
    draft.save(update_fields=PARAMETERS)
    changed = []
    for rule in draft.rules.all():
        wanted = rules.get(rule.signal)
        if wanted is None or all(getattr(rule, name) == value for name, value in wanted.items()):
            continue
        for name, value in wanted.items():
            setattr(rule, name, value)
        changed.append(rule)
    PolicyRule.objects.bulk_update(changed, ["enabled", "weight", "action"])
    after = {**parameters, "rules": {rule.signal: [rule.enabled, rule.weight, rule.action] for rule in changed}}
    record("policy.changed", draft, actor=actor, after=after)
    return draft


@transaction.atomic
def publish_policy(policy_id: UUID, *, actor: User) -> ScreeningPolicy:
    """Put a draft in force in place of the version before, which stays as it was. Raises as ``change_draft``."""
    _require(actor)
    _take_turns()
    draft = _lock_draft(policy_id, actor)
    before = list(ScreeningPolicy.objects.filter(state=State.PUBLISHED).values_list("version", flat=True))
    ScreeningPolicy.objects.filter(state=State.PUBLISHED).update(state=State.RETIRED)
    draft.state, draft.published_at, draft.published_by = State.PUBLISHED, database_now(), actor
    draft.save(update_fields=["state", "published_at", "published_by"])
    record("policy.published", draft, actor=actor, before={"version": before}, after={"version": draft.version})
    return draft


@transaction.atomic
def discard_draft(policy_id: UUID, *, actor: User) -> None:
    """Throw a draft away; its number is not used again while later ones exist. Raises as ``change_draft``."""
    draft = _lock_draft(policy_id, actor)
    record("policy.discarded", draft, actor=actor, before={"version": draft.version})
    draft.delete()


@transaction.atomic
def add_deny_term(*, term: str, action: str, reason: str, note: str = "", actor: User) -> DenyTerm:
    """Look for a term from now on. One that is on the list already, in whatever spelling, is returned as it is.

    Raises PermissionDenied, and InvalidInput for a term without letters or of more than eight words.
    """
    _require(actor)
    folded = fold_term(term)
    if not folded or len(folded.split()) > MOST_WORDS:
        raise InvalidInput("A term has letters or digits, and at most eight words.")
    try:
        with transaction.atomic():
            row = DenyTerm.objects.create(
                term=term, folded=folded, action=action, reason=reason, note=note, added_by=actor
            )
    except IntegrityError:
        return DenyTerm.objects.active().get(folded=folded)
    record("deny_term.added", row, actor=actor, after={"action": action, "reason": reason})
    return row


@transaction.atomic
def retire_deny_terms(term_ids: Sequence[UUID], *, actor: User) -> int:
    """Stop looking for terms; returns how many. Retired ones stay as rows. Raises PermissionDenied."""
    _require(actor)
    rows = DenyTerm.objects.active().select_for_update(of=("self",), no_key=True).filter(pk__in=term_ids)
    retired = list(rows.order_by("pk"))
    for row in retired:
        row.retired_at, row.retired_by = database_now(), actor
        row.save(update_fields=["retired_at", "retired_by"])
        record("deny_term.retired", row, actor=actor)
    return len(retired)


def fold_term(term: str) -> str:
    """A term as it is compared: its words, folded, with a space between. Empty where nothing is left."""
    words = disguised(term).words
    return ("" if all(len(word) == 1 for word in words) else " ").join(words)


def _require(actor: User) -> None:
    if not actor.has_perm(PERMISSION):
        raise PermissionDenied


def _take_turns() -> None:
    """Numbers are given, and versions replaced, by one person at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('screening policy', 0))")


def _next_version() -> int:
    last: int | None = ScreeningPolicy.objects.aggregate(last=Max("version"))["last"]
    return (last or 0) + 1


def _lock_draft(policy_id: UUID, actor: User) -> ScreeningPolicy:
    _require(actor)
    row = ScreeningPolicy.objects.select_for_update(of=("self",), no_key=True).filter(pk=policy_id).first()
    if row is None:
        raise NotFound
    if row.state != State.DRAFT:
        raise InvalidTransition("This version is or was in force, and stays as it is. Draft a new one.")
    return row
