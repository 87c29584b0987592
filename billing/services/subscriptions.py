"""Who has which plan. Locks: the profile, then its subscription.

What has been is kept: a change ends one row and begins the next at the same moment.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from billing import periods
from billing.models import PlanVersion, Subscription
from billing.services.calls import call_limits_changed
from trustengine.accounts.models import Profile, User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied
from trustengine.row_security import Reason, every_row

EDIT = "billing.edit_subscription"
BATCH = 500


class When(StrEnum):
    """When a change holds."""

    NOW = "now"
    PERIOD_END = "period_end"


def subscribe(profile_id: UUID, version_id: UUID, *, actor: User | None) -> Subscription:
    """Give a profile a plan at once, in place of the one it has. The same again changes nothing.

    Raises NotFound, PermissionDenied, InvalidTransition for a version that is not offered.
    """
    return change_plan(profile_id, version_id, when=When.NOW, actor=actor)


def change_plan(profile_id: UUID, version_id: UUID, *, when: When, actor: User | None) -> Subscription:
    """Give a profile another plan, at once or when its month ends; a change that waited is replaced.

    What was used this month stays used. A profile that has no subscription begins one at
    once. Raises NotFound, PermissionDenied, InvalidTransition for a version that is not offered.
    """
    _require_editor(actor)
    with every_row(Reason.PLANS):
        present = _lock(profile_id)
        now = database_now()  # once the turn has come, so that one ends where the next begins
        version = PlanVersion.objects.filter(pk=version_id).first()
        if version is None:
            raise NotFound
        if present is not None and present.version_id == version.pk:
            return _forget_change(present, actor)
        if version.state != PlanVersion.State.PUBLISHED:
            raise InvalidTransition("This version of the plan is not offered.")
        if present is not None and when == When.PERIOD_END:
            return _put_off(present, version, actor)
        if present is not None:
            now = _end(present, now)
        row = _begin(profile_id, version.pk, now)
        before = {"version_id": present.version_id} if present else {}
        record("subscription.begun", row, actor=actor, before=before, after=_told(row))
        return row


def cancel_subscription(profile_id: UUID, *, when: When, actor: User | None) -> Subscription | None:
    """End a profile's subscription, at once or when its month ends: then the default plan holds.

    None where there is nothing to end. Raises NotFound, PermissionDenied.
    """
    _require_editor(actor)
    with every_row(Reason.PLANS):
        present = _lock(profile_id)
        now = database_now()  # once the turn has come, so that one ends where the next begins
        if present is None:
            return None
        if when == When.PERIOD_END:
            return _put_off(present, None, actor)
        _end(present, now)
        record("subscription.ended", present, actor=actor, after={"valid_to": present.valid_to})
        return present


def apply_due_changes(now: datetime | None = None, *, limit: int = BATCH) -> int:
    """Write down the changes that were put off until now; returns how many. They hold without this, too."""
    moment = now or database_now()
    done = 0
    with every_row(Reason.PLANS):
        due = Subscription.objects.due(moment).order_by("profile").values_list("profile", flat=True)
        for profile in list(due[:limit]):
            _lock(profile, moment)
            done += 1
    return done


def _lock(profile_id: UUID, moment: datetime | None = None) -> Subscription | None:
    """The live subscription, as of now, with its profile locked. Raises NotFound."""
    profiles = Profile.objects.select_for_update(of=("self",), no_key=True)
    if not profiles.filter(pk=profile_id).exists():
        raise NotFound
    row = Subscription.objects.live().filter(profile=profile_id).first()
    if row is None or not row.is_due(moment or database_now()):
        return row
    turn, version = row.next_at, row.next_version_id
    assert turn is not None
    _end(row, turn)
    following = _begin(profile_id, version, turn) if version else None
    told = following or row
    after = _told(following) if following else {"valid_to": turn}
    record("subscription.changed_as_planned", told, before={"version_id": row.version_id}, after=after)
    return following


def _begin(profile_id: UUID, version_id: UUID, moment: datetime) -> Subscription:
    row = Subscription.objects.create(profile_id=profile_id, version_id=version_id, valid_from=moment)
    call_limits_changed(profile_id)
    return row


def _end(row: Subscription, moment: datetime) -> datetime:
    """End a subscription, at its begin at the earliest; returns when, which is when the next may begin."""
    ended = row.valid_to = max(moment, row.valid_from)
    row.next_at = row.next_version = None
    row.save(update_fields=["valid_to", "next_at", "next_version"])
    call_limits_changed(row.profile_id)
    return ended


def _put_off(row: Subscription, version: PlanVersion | None, actor: User | None) -> Subscription:
    row.next_at = periods.end_of(periods.month_of(database_now()))
    row.next_version = version
    row.save(update_fields=["next_at", "next_version"])
    after = {"next_version_id": row.next_version_id, "next_at": row.next_at}
    record("subscription.change_planned", row, actor=actor, after=after)
    return row


def _forget_change(row: Subscription, actor: User | None) -> Subscription:
    """Who asks for the plan they have stays with it."""
    if row.next_at is None:
        return row
    before = {"next_version_id": row.next_version_id, "next_at": row.next_at}
    row.next_at = row.next_version = None
    row.save(update_fields=["next_at", "next_version"])
    record("subscription.change_forgotten", row, actor=actor, before=before)
    return row


def _told(row: Subscription) -> dict[str, object]:
    return {"profile_id": row.profile_id, "version_id": row.version_id, "valid_from": row.valid_from}


def _require_editor(actor: User | None) -> None:
    if actor is not None and not actor.has_perm(EDIT):
        raise PermissionDenied
