"""Sign-in of staff by OpenID Connect: the authorisation code flow with PKCE, of one configured provider.

The provider says who somebody is, and nothing else: an account of staff that a superuser
has given the provider's subject is signed in, and no other is made, found by its e-mail
address, or given rights. Off unless STAFF_OIDC_ISSUER and STAFF_OIDC_CLIENT_ID are set.
"""

import hashlib
import json
import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request

import jwt
import structlog
from django.conf import settings
from jwt.exceptions import PyJWTError

from trustengine.accounts.models import User
from trustengine.accounts.signing_keys import signing_keys
from trustengine.api.refusals import refused
from trustengine.database_time import database_now
from trustengine.http_client import CutShort, TooLong, exchange

STATE = "oidc"
TIMEOUT_SECONDS, MAX_BYTES = 5.0, 200_000
SIGN_IN_SECONDS = 600
DISCOVERY_SECONDS = 600

logger = structlog.get_logger(__name__)


class SignInRefused(Exception):
    """The provider's answer signs nobody in. The text is for the person, ``reason`` for the log."""

    def __init__(self, text: str, reason: str) -> None:
        self.reason = reason
        super().__init__(text)


AWAY = "The identity provider cannot be reached at the moment. Please try again, or sign in with your password."
NOT_BELIEVED = "The identity provider's answer was not accepted. Please start again."
UNKNOWN = "No account of staff here goes with that sign-in. A superuser can enter your subject in your account."


@dataclass(frozen=True)
class Provider:
    """What the provider's discovery document says."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


def is_configured() -> bool:
    return bool(settings.STAFF_OIDC_ISSUER and settings.STAFF_OIDC_CLIENT_ID)


def begin(session: MutableMapping[str, Any], *, callback: str, onward: str) -> str:
    """Remember a sign-in in the session; returns the provider's address to go to. Raises SignInRefused."""
    verifier = secrets.token_urlsafe(48)
    begun = {"state": secrets.token_urlsafe(24), "nonce": secrets.token_urlsafe(24), "verifier": verifier}
    session[STATE] = begun | {"onward": onward, "at": database_now().timestamp()}
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    endpoint = provider().authorization_endpoint
    asked = {
        "response_type": "code",
        "client_id": settings.STAFF_OIDC_CLIENT_ID,
        "redirect_uri": callback,
        "scope": "openid",
        "state": begun["state"],
        "nonce": begun["nonce"],
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"


def finish(session: MutableMapping[str, Any], answer: Mapping[str, str], *, callback: str) -> tuple[User, str]:
    """Find the account of staff that the provider has named, and where to go on. Raises SignInRefused.

    What was begun is good once, in the session that began it, for ten minutes.
    """
    begun = session.pop(STATE, None)
    if not begun or not 0 <= database_now().timestamp() - begun["at"] < SIGN_IN_SECONDS:
        raise SignInRefused("That sign-in took too long, or was begun elsewhere. Please start again.", "not_begun")
    if not secrets.compare_digest(answer.get("state", "").encode(), begun["state"].encode()):
        raise SignInRefused(NOT_BELIEVED, "state")
    if answer.get("iss", settings.STAFF_OIDC_ISSUER).rstrip("/") != settings.STAFF_OIDC_ISSUER:  # RFC 9207
        raise SignInRefused(NOT_BELIEVED, "issuer")
    if "error" in answer or not answer.get("code"):
        raise SignInRefused("The identity provider did not sign you in.", f"provider:{answer.get('error', '')[:50]}")
    subject = _subject(_id_token(answer["code"], begun["verifier"], callback), begun["nonce"])
    user = User.objects.filter(staff_subject=subject, is_active=True, is_staff=True).first()
    if user is None:
        raise SignInRefused(UNKNOWN, "unknown_subject")
    return user, begun["onward"]


def provider() -> Provider:
    """The provider's addresses, asked for again every ten minutes. Raises SignInRefused."""
    return _discovered(settings.STAFF_OIDC_ISSUER, int(time.monotonic() // DISCOVERY_SECONDS))


@lru_cache(maxsize=4)
def _discovered(issuer: str, _period: int) -> Provider:
    document = _asked(Request(f"{issuer}/.well-known/openid-configuration", headers={"Accept": "application/json"}))
    if str(document.get("issuer", "")).rstrip("/") != issuer:
        raise SignInRefused(AWAY, "discovery_issuer")
    found = Provider(*(str(document.get(name, "")) for name in Provider.__dataclass_fields__))
    schemes = {
        urlsplit(address).scheme for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
    }
    if schemes != {urlsplit(issuer).scheme}:
        raise SignInRefused(AWAY, "discovery_address")
    return found


def _id_token(code: str, verifier: str, callback: str) -> str:
    """Exchange the code for the token that says who has signed in."""
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": verifier}
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    if settings.STAFF_OIDC_CLIENT_SECRET:  # RFC 6749, section 2.3.1: both are form-encoded first
        pair = f"{quote(settings.STAFF_OIDC_CLIENT_ID, safe='')}:{quote(settings.STAFF_OIDC_CLIENT_SECRET, safe='')}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        body["client_id"] = settings.STAFF_OIDC_CLIENT_ID
    request = Request(provider().token_endpoint, data=urlencode(body).encode(), headers=headers, method="POST")
    return str(_asked(request).get("id_token", ""))


def _subject(raw: str, nonce: str) -> str:
    """Verify the token as OpenID Connect Core, section 3.1.3.7, asks."""
    checks: dict[str, Any] = {
        "audience": settings.STAFF_OIDC_CLIENT_ID,
        "leeway": settings.JWT_LEEWAY_SECONDS,
        "options": {"require": ["exp", "iat", "sub", "aud", "iss"]},
    }
    try:
        header = jwt.get_unverified_header(raw)
        keys = signing_keys(provider().jwks_uri)
        claims = keys.decode(raw, header.get("kid"), str(header.get("alg")), **checks)
    except (PyJWTError, ValueError) as error:
        raise SignInRefused(NOT_BELIEVED, type(error).__name__) from error
    if claims is None:
        raise SignInRefused(NOT_BELIEVED, "no_key")
    if str(claims["iss"]).rstrip("/") != settings.STAFF_OIDC_ISSUER:
        raise SignInRefused(NOT_BELIEVED, "issuer")
    if claims.get("nonce") != nonce:
        raise SignInRefused(NOT_BELIEVED, "nonce")
    if claims.get("azp", settings.STAFF_OIDC_CLIENT_ID) != settings.STAFF_OIDC_CLIENT_ID:
        raise SignInRefused(NOT_BELIEVED, "authorised_party")
    return str(claims["sub"])


def _asked(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(exchange(request, timeout=TIMEOUT_SECONDS, max_bytes=MAX_BYTES))
    except HTTPError as error:
        error.close()
        logger.warning("identity_provider_refused", status=error.code)
        raise SignInRefused(AWAY, f"http_{error.code}") from error
    except (OSError, HTTPException, TooLong, CutShort, ValueError, RecursionError) as error:
        logger.warning("identity_provider_away", error=type(error).__name__)
        raise SignInRefused(AWAY, type(error).__name__) from error
    return document if isinstance(document, dict) else {}


def note_refusal(refusal: SignInRefused) -> None:
    refused("STAFF_SIGN_IN_REFUSED", reason=refusal.reason)
