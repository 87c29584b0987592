"""Public answers that outlive the database: kept in Redis, and served marked as stale while PostgreSQL is away.

Each such answer is stored again at most once in ``STALE_REFRESH_SECONDS`` by each process,
so that a viral page costs one write now and then. A Redis that fails is left alone for a
while, and never fails a request. Both away: 503 as everywhere.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Any, ClassVar

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

logger = structlog.get_logger(__name__)

CACHE_SILENCE_SECONDS = 5.0
REMEMBERED = 10_000  # answers per process whose last storing is known
MARKED = {"X-Stale": "true", "Warning": '110 - "Response is Stale"', "Cache-Control": "no-store"}
# SQLSTATEs of a server that starts, stops or has no connection left; beside them class 08, and none at all.
AWAY = {"53300", "57P01", "57P02", "57P03"}


class StaleIfDatabaseAway(APIView):
    """A view whose answers to anonymous GET requests are kept for when the database is away.

    Stands before the view's other bases. ``stale_queries`` are the query strings under
    which answers are kept: were it any, somebody could fill the cache with variants.
    """

    stale_queries: ClassVar[Collection[str]] = ("",)

    def handle_exception(self, exc: Exception) -> Response:
        if is_away(exc) and (name := self._stale_name()) and (kept := _store.find(name)):
            stored_at, data = kept
            age = max(0, round(time.time() - stored_at))
            logger.warning("served_stale", age=age, error=type(exc).__name__)
            return Response(data, headers={**MARKED, "Age": str(age)})
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        fresh = response.status_code == 200 and "X-Stale" not in response
        if fresh and (name := self._stale_name()) and _store.is_due(name):
            _store.keep(name, response.data)
        return response

    def _stale_name(self) -> str:
        """The name this answer is kept under; empty where it is not kept."""
        request = self.request
        if request.method != "GET" or request.META.get("HTTP_AUTHORIZATION"):
            return ""
        query = request.META.get("QUERY_STRING", "")
        return _name(request.path, query) if query in self.stale_queries else ""


class StalePage:
    """A page whose public form is kept for when the database is away. Stands before all other bases of the view.

    It is kept of readers without a session, and given to everybody, marked by ``X-Stale`` and,
    where the page has ``STALE_PLACE``, by a line that says how old it is: who is signed in
    cannot be known without the database.
    """

    stale_queries: ClassVar[Collection[str]] = ("",)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        except (OperationalError, InterfaceError) as error:
            if is_away(error) and (kept := _store.find(self._stale_name(request))):
                return _as_it_was(*kept, error)
            raise
        is_public = settings.SESSION_COOKIE_NAME not in request.COOKIES
        name = self._stale_name(request)
        fresh = is_public and isinstance(response, HttpResponse) and response.status_code == 200
        if name and fresh and _store.is_due(name):
            _store.keep(name, response.content.decode())  # type: ignore[attr-defined]
        return response

    def _stale_name(self, request: HttpRequest) -> str:
        query = request.META.get("QUERY_STRING", "")
        return _name(request.path, query) if request.method == "GET" and query in self.stale_queries else ""


STALE_PLACE = "<!-- stale -->"


def _as_it_was(stored_at: float, page: str, error: Exception) -> HttpResponse:
    age = max(0, round(time.time() - stored_at))
    logger.warning("served_stale", age=age, error=type(error).__name__)
    since = f"{age // 60} minutes" if age >= 120 else f"{age} seconds"
    line = f'<p class="notice warning" role="status">This page is shown as it was {since} ago.</p>'
    response = HttpResponse(page.replace(STALE_PLACE, line))
    for name, value in {**MARKED, "Age": str(age)}.items():
        response[name] = value
    return response


def is_away(error: BaseException) -> bool:
    """Whether a database error says that there is no talking to the server, rather than that it is busy."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__ or error, "sqlstate", None)
    return not state or state in AWAY or state.startswith("08")


def forget(addresses: Iterable[str]) -> None:
    """Take back kept answers, by path and query string: what they showed is public no longer. Raises RedisError."""
    cache.delete_many([_name(*address.partition("?")[::2]) for address in addresses])


def _name(path: str, query: str) -> str:
    return f"stale:{path}?{query}"


class _Store:
    """The cache, as far as it answers, and when this process last stored what."""

    def __init__(self) -> None:
        self._stored_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()
        self._silent_until = 0.0

    def is_due(self, name: str) -> bool:
        """Whether an answer is to be stored now; True for one caller in a while."""
        now = time.monotonic()
        with self._lock:
            if now < self._silent_until or now - self._stored_at.get(name, -1e9) < settings.STALE_REFRESH_SECONDS:
                return False
            self._stored_at[name] = now
            self._stored_at.move_to_end(name)
            if len(self._stored_at) > REMEMBERED:
                self._stored_at.popitem(last=False)
            return True

    def keep(self, name: str, data: Any) -> None:
        try:
            cache.set(name, (time.time(), data), timeout=settings.STALE_KEPT_HOURS * 3600)
        except RedisError as error:
            self._fall_silent(error)

    def find(self, name: str) -> tuple[float, Any] | None:
        if not name or time.monotonic() < self._silent_until:
            return None
        try:
            kept: tuple[float, Any] | None = cache.get(name)
        except RedisError as error:
            self._fall_silent(error)
            return None
        return kept

    def _fall_silent(self, error: RedisError) -> None:
        self._silent_until = time.monotonic() + CACHE_SILENCE_SECONDS
        logger.warning("stale_cache_away", error=type(error).__name__)


_store = _Store()
