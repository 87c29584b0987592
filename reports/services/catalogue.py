"""Editing the catalogue of reasons. Codes stay: decisions, reports and statements name them."""

from typing import Any

from django.db import transaction

from reports.models import ReasonCode
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.errors import InvalidInput, NotFound, PermissionDenied

PERMISSION = "reports.change_reasoncode"
EDITABLE = ("label", "policy", "ground", "legal_basis", "severity", "for_reports", "is_active", "position")
# What is decided without a reason of its own names these.
INDISPENSABLE = frozenset({"approved_ok", "no_violation", "other"})
TEXTS = frozenset({"label", "policy", "legal_basis"})


@transaction.atomic
def change_reason(code: str, *, actor: User, changes: dict[str, Any]) -> ReasonCode:
    """Change a reason's texts, severity or use. What was told before stays as it was told.

    Raises NotFound, PermissionDenied, InvalidInput for a member that stays and for retiring
    a reason that rules and plain decisions name.
    """
    if not actor.has_perm(PERMISSION):
        raise PermissionDenied
    reason = ReasonCode.objects.select_for_update(of=("self",), no_key=True).filter(pk=code).first()
    if reason is None:
        raise NotFound
    if fixed := sorted(set(changes) - set(EDITABLE)):
        raise InvalidInput(fields=dict.fromkeys(fixed, "This stays as it is."))
    if code in INDISPENSABLE and changes.get("is_active") is False:
        raise InvalidInput(fields={"is_active": "This reason is needed, and stays active."})
    before = {name: getattr(reason, name) for name in changes}
    after = {name: value for name, value in changes.items() if value != before[name]}
    if not after:
        return reason
    for name, value in after.items():
        setattr(reason, name, value)
    reason.save(update_fields=[*after, "updated_at"])
    record("reason.changed", reason, actor=actor, before={name: before[name] for name in after}, after=after)
    return reason
