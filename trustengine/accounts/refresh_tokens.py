"""Refresh tokens: each is good once, and one that comes back ends all that came from the same sign-in.

RFC 9700, section 4.14.2: whoever uses a refresh token a second time may be a thief, or
may have been robbed; nobody can say which, so both sign in again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from trustengine.accounts.errors import SecondFactorRequired, TokenInvalid
from trustengine.accounts.models import RefreshFamily, User
from trustengine.accounts.tokens import (
    SECOND_FACTOR_CLAIM,
    TokenPair,
    family_of,
    issue,
    owner_of,
    refresh_claims,
)
from trustengine.api.refusals import refused
from trustengine.audit.services import record


def renew(raw: str) -> TokenPair:
    """Exchange a refresh token for a fresh pair. Raises TokenInvalid, and SecondFactorRequired where one is missing."""
    claims = refresh_claims(raw)
    user = owner_of(claims)
    by_second_factor = bool(claims.get(SECOND_FACTOR_CLAIM))
    if user.needs_second_factor and not by_second_factor:
        raise SecondFactorRequired("Sign in again with your second factor.")
    fresh = issue(user, by_second_factor=by_second_factor, family=family_of(claims))
    with transaction.atomic():
        is_good = _take(claims, user, refresh_claims(fresh.refresh))
    if not is_good:  # outside of the transaction, which keeps the revocation
        refused("REFRESH_TOKEN_REUSED", user=str(user.pk))
        raise TokenInvalid("reused")
    return fresh


def revoke(raw: str) -> None:
    """End a refresh token and all tokens of the same sign-in. Idempotent; a token that is not believed ends nothing."""
    try:
        claims = refresh_claims(raw)
        user = owner_of(claims)
    except TokenInvalid:
        return
    with transaction.atomic():
        _revoke(_lock(claims, user), user, actor=user)


def prune_refresh_families() -> int:
    """Delete families whose last token has expired; returns how many."""
    return RefreshFamily.objects.filter(expires_at__lt=Now()).delete()[0]


def _take(claims: Mapping[str, Any], user: User, fresh: Mapping[str, Any]) -> bool:
    """Make the fresh token the good one in place of the one that was brought; whether that one was good."""
    family = _lock(claims, user)
    if family.revoked_at:
        return False
    if family.newest != claims["jti"]:
        _revoke(family, user, actor=None)
        return False
    family.newest, family.expires_at = fresh["jti"], _moment(fresh["exp"])
    family.save(update_fields=["newest", "expires_at"])
    return True


def _lock(claims: Mapping[str, Any], user: User) -> RefreshFamily:
    key = UUID(family_of(claims))
    unseen = RefreshFamily(pk=key, user=user, newest=claims["jti"], expires_at=_moment(claims["exp"]))
    RefreshFamily.objects.bulk_create([unseen], ignore_conflicts=True)
    return RefreshFamily.objects.select_for_update(of=("self",), no_key=True).get(pk=key)


def _revoke(family: RefreshFamily, user: User, *, actor: User | None) -> None:
    if RefreshFamily.objects.filter(pk=family.pk, revoked_at=None).update(revoked_at=Now()):
        reason = "reused" if actor is None else "signed_out"
        record("user.refresh_tokens_revoked", user, actor=actor, after={"family_id": family.pk}, reason=reason)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
