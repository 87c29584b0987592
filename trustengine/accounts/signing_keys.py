"""The identity provider's public keys: fetched when needed, kept while the provider is away."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import jwt
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm
from jwt.exceptions import InvalidSignatureError, PyJWTError

from trustengine.http_client import CutShort, TooLong, exchange

TIMEOUT_SECONDS = 2.0
COOLDOWN_SECONDS = 10.0
REFRESH_SECONDS = 600.0
MAX_BYTES = 1_000_000
MOST_KEYS = 100  # a token without a key id is tried with each

# What a key may verify where it does not say so itself. Symmetric keys have no place in a public document.
ALGORITHMS = {
    "RSA": frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "EC": frozenset({"ES256", "ES384", "ES512"}),
    "OKP": frozenset({"EdDSA", "Ed25519"}),
}
ED25519_NAMES = frozenset({"EdDSA", "Ed25519"})  # RFC 9864 calls it by its own name; both mean the same signature
CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
SMALLEST_RSA_BITS = 2_048  # RFC 7518, sections 3.3 and 3.5

with suppress(ValueError):  # PyJWT may know it by itself one day
    jwt.register_algorithm("Ed25519", OKPAlgorithm())

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SigningKey:
    """A public key, and the algorithms it verifies: they come from the key, never from a token."""

    kid: str | None
    material: Any
    algorithms: frozenset[str]


class SigningKeys:
    """The keys behind one JWKS address. Safe to share between threads.

    A key that is known stays good while the issuer cannot be reached. The set is
    fetched again when it is older than ``REFRESH_SECONDS`` (so that a withdrawn key
    goes) or no key fits a token (so that a new one comes), at most once in
    ``COOLDOWN_SECONDS``: made-up tokens must not turn into requests to the issuer.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Sequence[SigningKey] = ()  # replaced whole, never changed: read without the lock
        self._fetched_at = self._tried_at = float("-inf")

    def find(self, kid: str | None, algorithm: str) -> list[SigningKey]:
        """List the keys that may have signed a token with this header.

        A token's ``kid`` chooses the keys of that id, or those that have none; a token
        without one may be of any key (RFC 7515, section 4.1.4; RFC 7517, section 4.5).
        """
        known = self._match(kid, algorithm)
        if not known or self._clock() - self._fetched_at > REFRESH_SECONDS:
            # Who has a key does not wait for another thread that is fetching already.
            self._refresh(wait=not known)
        return self._match(kid, algorithm)

    def decode(self, raw: str, kid: str | None, algorithm: str, **checks: Any) -> Mapping[str, Any] | None:
        """Return the claims of a token that one of the keys has signed; None where none has.

        Where no signature fits, the issuer may have changed a key and kept its id, or
        names none: the set is fetched again, and only new keys are tried then. Raises
        PyJWTError for a signed token with wrong claims.
        """
        tried = self.find(kid, algorithm)
        claims = _decode(raw, tried, **checks)
        if claims is None and tried:
            self._refresh(wait=True)
            claims = _decode(raw, [key for key in self._match(kid, algorithm) if key not in tried], **checks)
        return claims

    def _match(self, kid: str | None, algorithm: str) -> list[SigningKey]:
        fit = [key for key in self._keys if algorithm in key.algorithms]
        if kid is None:
            return fit
        return [key for key in fit if key.kid == kid] or [key for key in fit if key.kid is None]

    def _refresh(self, *, wait: bool) -> None:
        if self._rests() or not self._lock.acquire(blocking=wait):
            return
        try:
            if self._rests():  # another thread has just tried
                return
            try:
                self._keys = fetch(self._url)
                self._fetched_at = self._clock()
            except (OSError, HTTPException, TooLong, CutShort, ValueError) as error:
                logger.warning(
                    "signing_keys_not_fetched",
                    error=type(error).__name__,
                    status=error.code if isinstance(error, HTTPError) else None,
                    reason=str(getattr(error, "reason", error))[:200],
                    kept=len(self._keys),
                )
            finally:
                self._tried_at = self._clock()
        finally:
            self._lock.release()

    def _rests(self) -> bool:
        return self._clock() - self._tried_at < COOLDOWN_SECONDS


@lru_cache(maxsize=8)
def signing_keys(url: str) -> SigningKeys:
    """The keys of this process for an address."""
    return SigningKeys(url)


def fetch(url: str) -> list[SigningKey]:
    """Read a JWKS document; a set without a usable key is an error.

    Raises OSError, HTTPException, TooLong, CutShort or ValueError.
    """
    request = Request(url, headers={"Accept": "application/jwk-set+json, application/json"})
    try:
        body = exchange(request, timeout=TIMEOUT_SECONDS, max_bytes=MAX_BYTES, redirects=True)
    except HTTPError as error:
        error.close()
        raise
    try:
        return usable_keys(json.loads(body))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def usable_keys(document: Any) -> list[SigningKey]:
    """The keys of a JWKS document that verify signatures. Raises ValueError where there is none.

    A key that cannot be used is left out and logged; it never spoils the others.
    """
    members = document.get("keys") if isinstance(document, dict) else None
    keys = []
    for member in (members if isinstance(members, list) else [])[:MOST_KEYS]:
        try:
            keys.append(_signing_key(member))
        except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError) as error:
            kid = member.get("kid") if isinstance(member, dict) else None
            logger.info("signing_key_left_out", kid=str(kid)[:100], reason=str(error)[:100])
    if not keys:
        raise ValueError("no usable key")
    return keys


def _signing_key(member: Any) -> SigningKey:
    """Read one key of a set. Raises an error for those that sign nothing, are private, or cannot be read."""
    if not isinstance(member, dict):
        raise TypeError("not an object")
    given = {name: value for name, value in member.items() if value is not None}
    kind, curve = str(given.get("kty")), given.get("crv")
    if kind not in ALGORITHMS:
        raise ValueError("a key type that does not sign, or a symmetric key")
    if PRIVATE_MEMBERS & given.keys():
        raise ValueError("a private key")
    if given.get("use", "sig") != "sig" or not _verifies(given.get("key_ops", ["verify"])):
        raise ValueError("not for signatures")
    algorithms = ALGORITHMS[kind]
    if kind == "EC":  # the curve decides
        algorithms &= {CURVES.get(str(curve), "")}
    if kind == "OKP" and curve != "Ed25519":
        raise ValueError("another curve")
    if "alg" in given:
        named = str(given["alg"])
        algorithms &= ED25519_NAMES if named in ED25519_NAMES else {named}
    if not algorithms:
        raise ValueError("an algorithm that does not fit the key")
    # PyJWT reads the key by its type: the name of the algorithm is ours to judge.
    key = PyJWK({name: value for name, value in given.items() if name != "alg"}).key
    if kind == "RSA" and key.key_size < SMALLEST_RSA_BITS:
        raise ValueError("too short")
    kid = given.get("kid")
    return SigningKey(kid if isinstance(kid, str) else None, key, algorithms)


def _verifies(operations: Any) -> bool:
    return isinstance(operations, list) and "verify" in operations


def _decode(raw: str, keys: Iterable[SigningKey], **checks: Any) -> Mapping[str, Any] | None:
    for key in keys:
        with suppress(InvalidSignatureError):
            claims: Mapping[str, Any] = jwt.decode(raw, key.material, algorithms=sorted(key.algorithms), **checks)
            return claims
    return None
