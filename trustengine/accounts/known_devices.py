"""The cookie of a browser in which a name has signed in, so that others' guesses do not keep its holder out.

It proves nothing but that: it signs nobody in. It holds a keyed hash of the name and a
random number by which the browser's own attempts are counted.
"""

import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "known_device"
SECONDS = 180 * 24 * 3_600


def known_device(request: HttpRequest, name: str) -> str:
    """The id of a browser in which the name of this hash has signed in; empty where there is none."""
    value = str(request.get_signed_cookie(COOKIE, default="", salt=COOKIE, max_age=SECONDS) or "")
    return value if value.startswith(f"{name}:") else ""


def new_device(name: str) -> str:
    """A fresh id for a browser in which the name of this hash has just signed in."""
    return f"{name}:{secrets.token_hex(8)}"


def remember(response: HttpResponse, device: str) -> None:
    """Set the cookie of a known device."""
    response.set_signed_cookie(
        COOKIE,
        device,
        salt=COOKIE,
        max_age=SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
