"""Bearer tokens: which are believed, and the own ones that are given out.

A token whose issuer is ``trustengine`` is verified with the own key and nothing else;
any other one with the identity provider's secret or public keys. The two never stand
in for each other, so an outside token that claims the own issuer is a forgery.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.db.models import Exists
from jwt.exceptions import ExpiredSignatureError, PyJWTError
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from trustengine.accounts.errors import TokenInvalid
from trustengine.accounts.models import RefreshFamily, User
from trustengine.accounts.signing_keys import signing_keys
from trustengine.identifiers import uuid7

EXPIRED = "The token has expired."
SECRET_ALGORITHM = "HS256"
FAMILY_CLAIM, GENERATION_CLAIM, SECOND_FACTOR_CLAIM = "family", "generation", "second_factor"


@dataclass(frozen=True)
class VerifiedToken:
    """The claims of a token whose signature, times, issuer and audience are right."""

    claims: Mapping[str, Any]
    is_own: bool


@dataclass(frozen=True)
class TokenPair:
    access: str
    refresh: str


def verified(raw: str) -> VerifiedToken:
    """What a bearer token says, once it is believed. Raises TokenInvalid."""
    try:
        claimed = jwt.decode(raw, options={"verify_signature": False})
    except (PyJWTError, ValueError) as error:
        raise TokenInvalid("malformed") from error
    if claimed.get("iss") == settings.OWN_TOKEN_ISSUER:
        return VerifiedToken(_own_claims(AccessToken, raw), is_own=True)
    return VerifiedToken(_outside_claims(raw), is_own=False)


def issue(user: User, *, by_second_factor: bool = False, family: str = "") -> TokenPair:
    """Make an access token, and the refresh token that renews it once.

    ``family`` is that of the refresh token which this pair replaces; without one, the
    pair begins its own.
    """
    refresh = RefreshToken.for_user(user)
    refresh[FAMILY_CLAIM] = family or str(uuid7())
    refresh[GENERATION_CLAIM] = user.sign_in_generation
    refresh[SECOND_FACTOR_CLAIM] = by_second_factor
    return TokenPair(access=str(refresh.access_token), refresh=str(refresh))


def refresh_claims(raw: str) -> Mapping[str, Any]:
    """The claims of an own refresh token. Raises TokenInvalid."""
    return _own_claims(RefreshToken, raw)


def family_of(claims: Mapping[str, Any]) -> str:
    """Which sign-in an own token came from; one of before families is its own."""
    return str(claims.get(FAMILY_CLAIM) or claims["jti"])


def owner_of(claims: Mapping[str, Any]) -> User:
    """The user of an own token, with their customer profile. Raises TokenInvalid.

    One query. Refused are users who are inactive, and tokens from before the last change
    of password, from before a sign-out everywhere, or of a sign-in that was revoked.
    """
    user_id = str(claims.get(api_settings.USER_ID_CLAIM))
    revoked = RefreshFamily.objects.filter(pk=UUID(family_of(claims)), revoked_at__isnull=False)
    users = User.objects.select_related("customer_profile").annotate(is_revoked=Exists(revoked))
    user = users.filter(pk=user_id).first()
    if user is None or not user.is_active:
        raise TokenInvalid("inactive")
    if claims.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
        raise TokenInvalid("password_changed")
    if claims.get(GENERATION_CLAIM, 0) != user.sign_in_generation or user.is_revoked:
        raise TokenInvalid("signed_out")
    return user


def _own_claims(kind: type[Token], raw: str) -> Mapping[str, Any]:
    try:
        token = kind(raw)  # type: ignore[arg-type]
    except ExpiredTokenError as error:
        raise TokenInvalid("expired", EXPIRED) from error
    except (TokenError, ValueError) as error:
        raise TokenInvalid("own_token_refused") from error
    claims: Mapping[str, Any] = token.payload
    return claims


def _outside_claims(raw: str) -> Mapping[str, Any]:
    """Verify a token of the identity provider.

    The header's algorithm only chooses between the secret and the public keys. A
    public key is never used as an HMAC secret, nor the secret for anything but HMAC;
    which algorithms a public key verifies comes from the key.
    """
    checks: dict[str, Any] = {
        "audience": settings.JWT_AUDIENCE or None,
        "issuer": settings.JWT_ISSUER or None,
        "leeway": settings.JWT_LEEWAY_SECONDS,
        "options": {"require": ["exp", "sub"], "verify_aud": bool(settings.JWT_AUDIENCE)},
    }
    claims: Mapping[str, Any] | None = None
    try:
        header = jwt.get_unverified_header(raw)
        algorithm = str(header.get("alg"))
        if algorithm == SECRET_ALGORITHM:
            if settings.JWT_SECRET:
                claims = jwt.decode(raw, settings.JWT_SECRET, algorithms=[SECRET_ALGORITHM], **checks)
        elif settings.JWT_JWKS_URL:
            claims = signing_keys(settings.JWT_JWKS_URL).decode(raw, header.get("kid"), algorithm, **checks)
    except ExpiredSignatureError as error:
        raise TokenInvalid("expired", EXPIRED) from error
    except (PyJWTError, ValueError) as error:
        raise TokenInvalid(type(error).__name__) from error
    if claims is None:
        raise TokenInvalid("no_key")
    if claims.get("token_type") == "refresh":
        raise TokenInvalid("refresh_token")
    return claims
