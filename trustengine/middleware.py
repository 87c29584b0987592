"""What every answer carries, a request id and a content security policy; its line in the log; the read-only switch."""

import re
import time
from collections.abc import Callable, Iterable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import LazyObject

from trustengine.api.problems import as_json, bad_request, unavailable
from trustengine.client_address import is_trusted, network_of, parsed
from trustengine.errors import InvalidInput, ReadOnlyMode
from trustengine.identifiers import uuid7
from trustengine.rsgi import BODY_PROBLEM, CUT_SHORT, TOO_LARGE, TOO_SLOW

access = structlog.get_logger("access")
security = structlog.get_logger("security")

GetResponse = Callable[[HttpRequest], HttpResponse]
SAFE_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class RequestID:
    """Gives each request an id of its own, and keeps a well-formed ``X-Request-ID`` of the client beside it.

    Both are bound to the logs and recorded in the audit entries of the request, and both are
    answered: ours as ``X-Request-ID``, the client's as ``X-Client-Request-ID``. A client's
    never takes the place of ours: it would choose by which id its traces are found, such as
    somebody else's.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = str(request.META.get("HTTP_X_REQUEST_ID", ""))
        request_id = str(uuid7())
        client_id = given if SAFE_REQUEST_ID.fullmatch(given) else ""
        request.META["HTTP_X_REQUEST_ID"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(
            request_id=request_id, **({"client_request_id": client_id} if client_id else {})
        )
        try:
            response = self.get_response(request)
        finally:
            structlog.contextvars.clear_contextvars()
        response["X-Request-ID"] = request_id
        if client_id:
            response["X-Client-Request-ID"] = client_id
        return response


class ForwardedHeaders:
    """Drops what only a trusted proxy may say, and reports a proxy that ``TRUSTED_PROXIES`` does not name.

    ``X-Forwarded-For`` stays: ``client_address`` reads it hop by hop, and its presence says
    that there is a proxy. The others would be believed, or may be one day by a library.
    """

    FROM_PROXIES_ONLY = (
        "HTTP_FORWARDED",
        "HTTP_X_FORWARDED_HOST",
        "HTTP_X_FORWARDED_PORT",
        "HTTP_X_FORWARDED_PREFIX",
        "HTTP_X_FORWARDED_PROTO",
        "HTTP_X_FORWARDED_SSL",
        "HTTP_X_REAL_IP",
    )
    UNNAMED = (
        "A request from %s carries X-Forwarded-For, but TRUSTED_PROXIES does not name that address. If it is your "
        "proxy, set TRUSTED_PROXIES to it: until then all of its clients count as one, reads by address are not "
        "limited, and password attempts are slowed for everyone together. If it is not, it is a client that writes "
        "the header itself, and nothing is believed."
    )
    REPORTED = 100  # peers that one process reports

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._reported: set[str] = set()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = parsed(str(request.META.get("REMOTE_ADDR", "")))
        if peer is None or not is_trusted(peer):
            for name in self.FROM_PROXIES_ONLY:
                request.META.pop(name, None)
            if request.META.get("HTTP_X_FORWARDED_FOR"):
                self._report(network_of(str(peer or "")) or "an unknown address")
        return self.get_response(request)

    def _report(self, peer: str) -> None:
        """Log the first such request of a peer; of a bounded number, as clients have many addresses."""
        if peer not in self._reported and len(self._reported) < self.REPORTED:
            self._reported.add(peer)
            security.warning("proxy_not_named", peer=peer, message=self.UNNAMED % peer)


class RefuseNul:
    """Answers 400 where the path, the query or a cookie holds NUL: nothing here is named by it, no database takes it.

    This is the one place for all lists, filters, searches and pages. Bytes that are not UTF-8 reach no view: Django
    writes a replacement character for those of a query, and leaves those of a path as they were escaped.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = str(request.META.get("QUERY_STRING", ""))
        if "\x00" in request.path_info or "%00" in query or any("\x00" in each for each in (query, *_cookies(request))):
            named = {name: "NUL is not allowed." for name, values in request.GET.lists() if "\x00" in "".join(values)}
            return bad_request(request, InvalidInput(fields=named))
        return self.get_response(request)


class AccessLine:
    """One line per request: method, path, status, duration, user. Never the query string: it may hold anything.

    Probes, which come every few seconds, are told at level DEBUG.
    """

    PROBES = frozenset({"/healthz", "/readyz", "/metrics"})

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        tell = access.debug if request.path in self.PROBES else access.info
        tell(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - began) * 1_000, 1),
            user=_known_user_id(request),
        )
        return response


class BodyProblems:
    """Refuses a request whose body did not arrive as announced, as ``trustengine.rsgi`` has found."""

    ANSWERS = {
        TOO_SLOW: (408, "REQUEST_TIMEOUT", "The body of the request came too slowly. Please send it again."),
        TOO_LARGE: (413, "FILE_TOO_LARGE", "The body of the request is too large."),
        CUT_SHORT: (400, "INVALID_INPUT", "The body of the request ended before its announced length."),
    }

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        problem = request.META.get(BODY_PROBLEM, "")
        if not problem:
            return self.get_response(request)
        status, code, detail = self.ANSWERS[problem]
        return as_json(status, code, detail)


class ReadOnly:
    """While ``READ_ONLY`` is set, reads are served and every write is answered 503 ``READ_ONLY_MODE``."""

    SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.READ_ONLY or request.method in self.SAFE_METHODS:
            return self.get_response(request)
        return unavailable(request, ReadOnlyMode())


class ContentSecurityPolicy:
    """Scripts from this host only. Alpine, which the console uses and nothing else, needs ``unsafe-eval``."""

    POLICY = "; ".join(
        [
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )
    CONSOLES = POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-eval'")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_console = request.path.startswith(reverse("admin:index"))
        response.setdefault("Content-Security-Policy", self.CONSOLES if is_console else self.POLICY)
        return response


def _cookies(request: HttpRequest) -> Iterable[str]:
    return request.COOKIES.values() if "\\" in str(request.META.get("HTTP_COOKIE", "")) else ()  # spelled \000


def _known_user_id(request: HttpRequest) -> str | None:
    """The user's id if the request has found out whose it is; the log asks no database for it."""
    user = getattr(request, "user", None)
    if isinstance(user, LazyObject):  # the session's, which the middleware of Django keeps once it has been read
        user = getattr(request, "_cached_user", None)
    return str(user.pk) if user is not None and user.pk else None
