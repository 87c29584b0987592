"""Where a request came from, as keyed hashes: enough to see that two came from one place, and no more.

The key is derived from ``SECRET_KEY``: without it nobody can try all addresses against
a stolen table, and a new one makes old hashes match nothing. The rows that hold hashes
forget them after ``ORIGIN_DAYS``.
"""

import hashlib
import hmac
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from trustengine.client_address import client_network

LENGTH = 32  # hexadecimal digits: 128 bits
PURPOSE = b"trustengine origins"


@dataclass(frozen=True)
class Origin:
    """The network address and the browser behind a request, hashed; empty text where one is not known."""

    ip_hash: str = ""
    agent_hash: str = ""


NOWHERE = Origin()


def origin_of(request: HttpRequest) -> Origin:
    """Hashes of the client's address and of its User-Agent header.

    Of an IPv6 address only the first 64 bits count: a household has them all to itself,
    and its devices change the rest by the hour. The address of a proxy that nobody has
    named is not known: it would make all clients one.
    """
    agent = str(request.META.get("HTTP_USER_AGENT", "")).strip()
    return Origin(ip_hash=_hashed("address", client_network(request)), agent_hash=_hashed("agent", agent))


def keyed_hash(text: str) -> str:
    """``LENGTH`` hexadecimal digits that only a holder of this installation's key can compute from the text."""
    key = hmac.new(settings.SECRET_KEY.encode(), PURPOSE, hashlib.sha256).digest()
    return hmac.new(key, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:LENGTH]


def _hashed(kind: str, text: str) -> str:
    return keyed_hash(f"{kind}:{text}") if text else ""
