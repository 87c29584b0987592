"""The identity provider's public keys: fetched when needed, kept while the provider is away."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

TIMEOUT_SECONDS = 2.0
COOLDOWN_SECONDS = 10.0
REFRESH_SECONDS = 600.0
MAX_BYTES = 1_000_000

# What a key may verify where it does not say so itself. Symmetric keys have no place in a public document.
ALGORITHMS = {
    "RSA": frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "EC": frozenset({"ES256", "ES384", "ES512"}),
    "OKP": frozenset({"EdDSA"}),
}

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SigningKey:
    """A public key, and the algorithms it verifies: they come from the key, never from a token."""

    material: Any
    algorithms: frozenset[str]


class SigningKeys:
    """The keys behind one JWKS address, by their ``kid``. Safe to share between threads.

    A key that is known stays good while the issuer cannot be reached. The set is
    fetched again when it is older than ``REFRESH_SECONDS`` (so that a withdrawn key
    goes) or a token names an unknown key (so that a new one comes), at most once in
    ``COOLDOWN_SECONDS``: made-up key ids must not turn into requests to the issuer.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str | None, SigningKey] = {}  # replaced whole, never changed: read without the lock
        self._fetched_at = self._tried_at = float("-inf")

    def find(self, kid: str | None) -> SigningKey | None:
        """The key of this id, or the only key there is where the token names none."""
        known = self._match(kid) is not None
        if not known or self._clock() - self._fetched_at > REFRESH_SECONDS:
            # Who has a key does not wait for another thread that is fetching already.
            self._refresh(wait=not known)
        return self._match(kid)

    def _match(self, kid: str | None) -> SigningKey | None:
        keys = self._keys
        if kid is None and len(keys) == 1:
            return next(iter(keys.values()))
        return keys.get(kid)

    def _refresh(self, *, wait: bool) -> None:
        if self._rests() or not self._lock.acquire(blocking=wait):
            return
        try:
            if self._rests():  # another thread has just tried
                return
            try:
                self._keys = fetch(self._url)
                self._fetched_at = self._clock()
            except (OSError, HTTPException, ValueError) as error:
                logger.warning("signing_keys_not_fetched", error=type(error).__name__, kept=len(self._keys))
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


def fetch(url: str) -> dict[str | None, SigningKey]:
    """Read a JWKS document. Raises OSError, HTTPException or ValueError; a set without a usable key is an error."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    body = bytearray()
    try:
        with urlopen(Request(url, headers={"Accept": "application/json"}), timeout=TIMEOUT_SECONDS) as response:
            while chunk := response.read1(65_536):
                body += chunk
                # The timeout is one of silence; whoever drips bytes must not hold a request either.
                if len(body) > MAX_BYTES or time.monotonic() > deadline:
                    raise TimeoutError("the document is too long, or comes too slowly")
    except HTTPError as error:
        error.close()
        raise
    try:
        return _usable(json.loads(body))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _usable(document: Any) -> dict[str | None, SigningKey]:
    members = document.get("keys") if isinstance(document, dict) else None
    keys = {}
    for member in members if isinstance(members, list) else []:
        if isinstance(member, dict) and (key := _signing_key(member)):
            kid = member.get("kid")
            keys[kid if isinstance(kid, str) else None] = key
    if not keys:
        raise ValueError("no usable key")
    return keys


def _signing_key(member: dict[str, Any]) -> SigningKey | None:
    """One key of a set; None for those that sign nothing, are private, or that this code cannot read."""
    algorithms = ALGORITHMS.get(str(member.get("kty")), frozenset())
    if "alg" in member:
        algorithms &= {str(member["alg"])}
    if not algorithms or member.get("use", "sig") != "sig" or "d" in member:
        return None
    try:
        key = PyJWK(member)
    except PyJWTError:
        return None
    if key.key_type == "EC":  # the curve decides
        algorithms &= {key.algorithm_name}
    return SigningKey(key.key, algorithms) if algorithms else None
