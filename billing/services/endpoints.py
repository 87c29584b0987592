"""What operators say of outside services: their endpoints' limits, and whether they are called at all."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from billing.models import ProviderEndpoint
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.errors import InvalidInput, NotFound, PermissionDenied

ADD, CHANGE = "billing.add_providerendpoint", "billing.change_providerendpoint"
NAMES = ("provider", "endpoint")
LIMITS = (
    "requests_per_minute",
    "tokens_per_minute",
    "tokens_per_call",
    "parallel_calls",
    "lease_seconds",
    "is_active",
)


@transaction.atomic
def add_endpoint(*, provider: str, endpoint: str, limits: dict[str, Any], actor: User) -> ProviderEndpoint:
    """Let code that asks for this endpoint call it, within these limits.

    Raises PermissionDenied, and InvalidInput for limits out of bounds or an endpoint that exists.
    """
    if not actor.has_perm(ADD):
        raise PermissionDenied
    row = ProviderEndpoint(provider=provider, endpoint=endpoint, **_known(limits))
    _require_valid(row)
    row.save(force_insert=True)
    record("endpoint.added", row, actor=actor, after={name: getattr(row, name) for name in NAMES + LIMITS})
    return row


@transaction.atomic
def change_endpoint(endpoint_id: UUID, *, actor: User, changes: dict[str, Any]) -> ProviderEndpoint:
    """Change limits. They hold from the next call on; leases that are held stay as they are.

    Raises NotFound, PermissionDenied, InvalidInput.
    """
    row = _lock(endpoint_id, actor)
    before = {name: getattr(row, name) for name in _known(changes)}
    after = {name: value for name, value in changes.items() if value != before[name]}
    if not after:
        return row
    for name, value in after.items():
        setattr(row, name, value)
    _require_valid(row)
    row.save(update_fields=[*after, "updated_at"])
    record("endpoint.changed", row, actor=actor, before={name: before[name] for name in after}, after=after)
    return row


@transaction.atomic
def end_cooling(endpoint_id: UUID, *, actor: User) -> ProviderEndpoint:
    """Call an endpoint again although its provider asked to be left alone for longer.

    Changes nothing where it did not. Raises NotFound, PermissionDenied.
    """
    row = _lock(endpoint_id, actor)
    if row.cooling_until is not None:
        before, row.cooling_until = row.cooling_until, None
        row.save(update_fields=["cooling_until", "updated_at"])
        record("endpoint.cooling_ended", row, actor=actor, before={"cooling_until": before})
    return row


def _lock(endpoint_id: UUID, actor: User) -> ProviderEndpoint:
    if not actor.has_perm(CHANGE):
        raise PermissionDenied
    row = ProviderEndpoint.objects.select_for_update(of=("self",), no_key=True).filter(pk=endpoint_id).first()
    if row is None:
        raise NotFound
    return row


def _known(limits: dict[str, Any]) -> dict[str, Any]:
    if fixed := sorted(set(limits) - set(LIMITS)):
        raise InvalidInput(fields=dict.fromkeys(fixed, "This stays as it is."))
    return limits


def _require_valid(row: ProviderEndpoint) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        raise InvalidInput(fields={name: " ".join(texts) for name, texts in error.message_dict.items()}) from error
