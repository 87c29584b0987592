"""Encryption of secrets that rows hold, under a key that the database never sees."""

import hashlib
import hmac
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.encoding import force_bytes


def encrypt(secret: bytes) -> str:
    return _keys().encrypt(secret).decode()


def decrypt(text: str) -> bytes | None:
    """Read what ``encrypt`` wrote; None where it was written under another SECRET_KEY."""
    try:
        return _keys().decrypt(text)
    except InvalidToken:
        return None


def _keys() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    derived = [hmac.new(force_bytes(key), b"trustengine second factors", hashlib.sha256).digest() for key in keys]
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in derived])
