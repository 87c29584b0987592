"""Limits that are counted before a view runs, as DRF's throttle classes.

DRF's own read a cache and then write it, so that parallel requests pass.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from trustengine.api.limits import Limit, WithoutRedis
from trustengine.client_address import client_network


class Throttle(BaseThrottle):
    """Counts requests under ``limit``; ``caller`` names whose, or None for those it leaves alone."""

    limit: ClassVar[Limit]

    def caller(self, request: Request) -> str | None:
        raise NotImplementedError

    def allow_request(self, request: Request, view: Any) -> bool:
        """True; raises RateLimitExceeded otherwise, which knows how long to wait."""
        caller = self.caller(request)
        if caller is not None:
            self.limit.count(caller)
        return True


class AnonymousReads(Throttle):
    """Reads without a token, by address: it spares the machine, so it is open without Redis."""

    limit = Limit("anonymous-reads", "ANONYMOUS_READS_PER_MINUTE", WithoutRedis.OPEN)

    def caller(self, request: Request) -> str | None:
        if request.method not in SAFE_METHODS or request.user.is_authenticated:
            return None
        return client_network(request._request) or None


class SignedInReads(Throttle):
    """Reads with a token, by user: it spares the machine, so it is open without Redis."""

    limit = Limit("signed-in-reads", "SIGNED_IN_READS_PER_MINUTE", WithoutRedis.OPEN)

    def caller(self, request: Request) -> str | None:
        if request.method not in SAFE_METHODS or not request.user.is_authenticated:
            return None
        return str(request.user.pk)


READS = (AnonymousReads, SignedInReads)


def with_read_limits(throttles: Iterable[type[BaseThrottle]]) -> list[type[BaseThrottle]]:
    """A view's own limits, and those on reading: a view that names its own would drop the defaults."""
    own = list(throttles)
    return [*(limit for limit in READS if limit not in own), *own]


class WritesPerUser(Throttle):
    """The base of limits on what a signed-in user writes."""

    def caller(self, request: Request) -> str | None:
        if request.method in SAFE_METHODS or not request.user.is_authenticated:
            return None
        return str(request.user.pk)


class WritesPerAddress(Throttle):
    """The base of limits on what may be sent without being signed in."""

    def caller(self, request: Request) -> str | None:
        return None if request.method in SAFE_METHODS else client_network(request._request) or None


def count_page_read(request: HttpRequest) -> None:
    """For pages outside of the API: its limits of reads, by user or by address. Raises RateLimitExceeded."""
    if request.user.is_authenticated:
        SignedInReads.limit.count(request.user.pk)
    elif network := client_network(request):
        AnonymousReads.limit.count(network)
