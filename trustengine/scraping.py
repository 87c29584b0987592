"""Who may read the metrics: whoever has the token, and without one whoever is near."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from trustengine.api.refusals import refused
from trustengine.client_address import client_address, is_trusted, parsed


def may_scrape(request: HttpRequest) -> bool:
    """Whether a request has ``METRICS_TOKEN`` or comes from a private or loopback address.

    A token that is sent has to be right, wherever it comes from. An address counts only
    if it is the client's own: behind a proxy that ``TRUSTED_PROXIES`` does not name, every
    client has the proxy's address, which is private as a rule.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "").strip()
    if header:
        scheme, _, token = header.partition(" ")
        known = bool(settings.METRICS_TOKEN) and constant_time_compare(token.strip(), settings.METRICS_TOKEN)
        if scheme.lower() == "bearer" and known:
            return True
        refused("METRICS_TOKEN_INVALID", address=client_address(request))
        return False
    sender = parsed(str(request.META.get("REMOTE_ADDR", "")))
    if "HTTP_X_FORWARDED_FOR" in request.META and not (sender and is_trusted(sender)):
        return False
    client = parsed(client_address(request))
    return client is not None and (client.is_private or client.is_loopback)
