"""Whether a webhook comes from who it says, by Stripe's signature scheme v1."""

from collections.abc import Iterable

import stripe

from orders.errors import InvalidSignature
from trustengine.database_time import database_now

TIMESTAMP_DIGITS = 12


def verify(body: bytes, header: str, *, secrets: Iterable[str], tolerance: int) -> None:
    """Raise InvalidSignature unless one of the secrets signed this body at most ``tolerance`` seconds from now.

    Now is the database's time. Stripe's own check goes by the clock of the process, and knows only old
    signatures; one of the future would stay valid for as long.
    """
    if not header.isascii() or not _is_of_now(header, tolerance):
        raise InvalidSignature
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, header, secret, tolerance=None)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return
    raise InvalidSignature


def sign(body: str, secret: str, *, timestamp: int) -> str:
    """The header ``Stripe-Signature`` for a body, as Stripe would make it."""
    header: str = stripe.WebhookSignature.generate_signature_header(body, secret, timestamp)
    return header


def _is_of_now(header: str, tolerance: int) -> bool:
    """Of the first time that the header names, which is the one that is signed."""
    named = next((part[2:] for part in header.split(",") if part.startswith("t=")), "")
    if not named.isdigit() or len(named) > TIMESTAMP_DIGITS:
        return False
    return abs(int(named) - database_now().timestamp()) <= tolerance
