"""The address a request came from, believed only as far as the proxies in front are trusted.

WSGI folds ``X-Forwarded-For`` and ``X-Forwarded_For`` into one variable, and the web
server lets the one with the underscore win: from here the two cannot be told apart.
So a proxy in ``TRUSTED_PROXIES`` has to drop header names with underscores. nginx does
by default; HAProxy, Caddy, Envoy and Traefik have to be told.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address

WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](?::\d{1,5})?|(?P<v4>[\d.]+):\d{1,5}", re.ASCII)


def client_address(request: HttpRequest) -> str:
    """The nearest address in the chain that is not one of ``TRUSTED_PROXIES``; empty where there is none.

    ``X-Forwarded-For`` is read from the right, and only while each hop is a trusted
    proxy: what a client writes into the header itself is never reached. A name that
    is not an address ends the walk at the last one known. One spelling per address:
    without port and zone, and an IPv4 address in IPv6 clothes as IPv4.
    """
    address = parsed(str(request.META.get("REMOTE_ADDR", "")))
    if address is None:
        return ""
    hops = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    while is_trusted(address) and hops:
        hop = hops.pop().strip()
        if not hop:
            continue
        following = parsed(hop)
        if following is None:
            break
        address = following
    return str(address)


def parsed(text: str) -> Address | None:
    """An address as proxies write it: ``192.0.2.1:443``, ``[2001:db8::1]:443``, ``fe80::1%eth0``, or plain."""
    if match := WITH_PORT.fullmatch(text):
        text = match["v6"] or match["v4"]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_trusted(address: Address) -> bool:
    """Whether this is a proxy whose word is believed."""
    return any(address in network for network in settings.TRUSTED_PROXIES)
