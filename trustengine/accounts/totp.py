"""Time-based one-time passwords (RFC 6238): six digits, 30 seconds, SHA-1, as every authenticator app has them."""

import hmac
import secrets
from base64 import b32encode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP

DIGITS, STEP_SECONDS, SECRET_BYTES = 6, 30, 20
DRIFT_STEPS = 1  # RFC 6238, section 5.2: one step for the network, and clocks that are a little off

_HASH = SHA1  # what every app takes; HMAC needs no hash without collisions (RFC 6238, B.1)


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def matching_step(secret: bytes, code: str, *, at: float, after: int) -> int | None:
    """Find the time step that a code belongs to; None for a wrong code, or one of a step up to ``after``."""
    if len(code) != DIGITS or not code.isascii() or not code.isdigit():
        return None
    hotp = HOTP(secret, DIGITS, _HASH())
    now = int(at // STEP_SECONDS)
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if hmac.compare_digest(hotp.generate(step), code.encode()) and step > after:
            return step
    return None


def code_at(secret: bytes, at: float) -> str:
    """Compute the code of a moment, as an authenticator app shows it."""
    return HOTP(secret, DIGITS, _HASH()).generate(int(at // STEP_SECONDS)).decode()


def provisioning_uri(secret: bytes, *, account: str, issuer: str) -> str:
    """Build the address that an authenticator app reads from a QR code."""
    return TOTP(secret, DIGITS, _HASH(), STEP_SECONDS).get_provisioning_uri(account, issuer)


def spelled(secret: bytes) -> str:
    """Spell a secret for typing: base32, in groups of four."""
    text = b32encode(secret).decode().rstrip("=")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
