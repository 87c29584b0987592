"""The address and the network a request came from, believed only as far as the proxies in front are trusted.

WSGI folds ``X-Forwarded-For`` and ``X-Forwarded_For`` into one variable, and from here the
two cannot be told apart. ``trustengine.rsgi`` drops header names with underscores; under
another server a proxy in ``TRUSTED_PROXIES`` has to. nginx does by default; HAProxy, Caddy,
Envoy and Traefik have to be told.
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address

HOST_PREFIX = 64  # a host, a household or a server has at least a /64 of IPv6 to itself (RFC 6177)
NAT64 = IPv6Network("64:ff9b::/96")  # IPv4 clients behind a translator (RFC 6052): the last 32 bits are theirs
# Not ``is_private``, which also holds for ranges that are merely reserved for documentation.
PRIVATE = [
    ip_network(block)
    for block in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10",
    )
]  # fmt: skip

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


def client_network(request: HttpRequest) -> str:
    """The network that a limit by address counts; empty where the address stands for nobody in particular.

    See ``network_of`` for its form and ``is_shared`` for the addresses that stand for nobody.
    """
    return "" if is_shared(request) else network_of(client_address(request))


def network_of(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 address: what one client has to itself. Empty for an empty address.

    Every limit, lock-out and origin counts this. An IPv6 client has 2**64 addresses, so that
    a limit by address would limit nobody. IPv6 forms of an IPv4 address (mapped, 6to4, NAT64)
    count as that IPv4 address: many clients share their /64.
    """
    found = parsed(address)
    if found is None:
        return ""
    if isinstance(found, IPv6Address):
        inner = found.sixtofour or (IPv4Address(found.packed[-4:]) if found in NAT64 else None)
        return str(inner or IPv6Network((found, HOST_PREFIX), strict=False))
    return str(found)


def is_shared(request: HttpRequest) -> bool:
    """Whether the address is a proxy's rather than a client's, so that all of its clients would count as one.

    That is an address on this machine or none at all; a private address that forwards for
    others without being one of ``TRUSTED_PROXIES``; and a trusted proxy that does not say
    for whom it asks. A public address is a client's, whatever header it sends.
    """
    peer = parsed(str(request.META.get("REMOTE_ADDR", "")))
    forwards = bool(str(request.META.get("HTTP_X_FORWARDED_FOR", "")).strip())
    if peer is None:
        return True
    if is_trusted(peer):
        found = parsed(client_address(request))
        return not forwards or found is None or found.is_loopback
    return peer.is_loopback or peer.is_unspecified or (forwards and any(peer in network for network in PRIVATE))


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
