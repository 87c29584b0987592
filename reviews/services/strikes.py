"""Warnings that weigh on a user's reputation for a while."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from reviews.models import Strike
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, InvalidTransition, NotFound, PermissionDenied
from trustengine.jobs.services import publish

PERMISSION = "reviews.moderate_review"


@transaction.atomic
def give_strike(user: User, *, actor: User | None, reason: str, expires_at: datetime | None = None) -> Strike:
    """Warn a user, with a reason code; it weighs until ``expires_at``, by default ``STRIKE_DAYS`` from now.

    Raises PermissionDenied without the permission or for oneself, InvalidInput without a
    reason or for an end that is not in the future.
    """
    _require_moderator(actor, user.pk)
    now = database_now()
    expires_at = expires_at or now + timedelta(days=settings.STRIKE_DAYS)
    if not reason or len(reason) > 50:
        raise InvalidInput(fields={"reason": "A reason code."})
    if expires_at <= now:
        raise InvalidInput(fields={"expires_at": "A time in the future."})
    strike = Strike.objects.create(user=user, reason=reason, given_at=now, expires_at=expires_at, given_by=actor)
    after = {"user_id": user.pk, "expires_at": expires_at}
    record("strike.given", strike, actor=actor, after=after, reason=reason)
    publish("reviews.strikes_changed", user_id=user.pk, strike_id=strike.pk)
    return strike


@transaction.atomic
def revoke_strike(strike_id: UUID, *, actor: User | None, reason: str = "") -> Strike:
    """Take a strike back, as if it had not been given. Revoking what is revoked changes nothing.

    Raises NotFound, PermissionDenied, and InvalidTransition for a strike that has run out.
    """
    strike = Strike.objects.select_for_update(of=("self",), no_key=True).filter(pk=strike_id).first()
    if strike is None:
        raise NotFound
    _require_moderator(actor, strike.user_id)
    if strike.revoked_at:
        return strike
    if strike.expires_at <= database_now():
        raise InvalidTransition("This strike has run out already.")
    strike.revoked_at, strike.revoked_by = database_now(), actor
    strike.save(update_fields=["revoked_at", "revoked_by"])
    after = {"user_id": strike.user_id, "revoked_at": strike.revoked_at}
    record("strike.revoked", strike, actor=actor, before={"revoked_at": None}, after=after, reason=reason)
    publish("reviews.strikes_changed", user_id=strike.user_id, strike_id=strike.pk)
    return strike


def _require_moderator(actor: User | None, user_id: UUID) -> None:
    if actor is not None and (not actor.has_perm(PERMISSION) or actor.pk == user_id):
        raise PermissionDenied
