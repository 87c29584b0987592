"""Whether a webhook comes from who it says, by Stripe's signature scheme v1."""

import time
from collections.abc import Iterable

import stripe

from orders.errors import InvalidSignature

TIMESTAMP_DIGITS = 12


def verify(body: bytes, header: str, *, secrets: Iterable[str], tolerance: int) -> None:
    """Raise InvalidSignature unless one of the secrets signed this body at most ``tolerance`` seconds from now.

    Stripe's own check knows only old signatures; one of the future would stay valid for as long.
    """
    if not header.isascii() or _is_of_the_future(header, tolerance):
        raise InvalidSignature
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, header, secret, tolerance)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return
    raise InvalidSignature


def sign(body: str, secret: str, *, timestamp: int) -> str:
    """The header ``Stripe-Signature`` for a body, as Stripe would make it."""
    header: str = stripe.WebhookSignature.generate_signature_header(body, secret, timestamp)
    return header


def _is_of_the_future(header: str, tolerance: int) -> bool:
    """Of the first time that the header names, which is the one that is signed."""
    named = next((part[2:] for part in header.split(",") if part.startswith("t=")), "")
    if not named.isdigit() or len(named) > TIMESTAMP_DIGITS:
        return True
    return int(named) > time.time() + tolerance
