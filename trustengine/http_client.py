"""Requests to other services: by name, bounded in time and in size, and never carried to another scheme."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from trustengine import VERSION

USER_AGENT = f"TrustEngine/{VERSION}"  # firewalls refuse the names of libraries
MOST_REDIRECTS = 3


class TooLong(Exception):
    """The answer has more bytes than the caller takes."""


class CutShort(Exception):
    """The connection ended before the answer did."""


def exchange(request: Request, *, timeout: float, max_bytes: int, redirects: bool = False) -> bytes:
    """Send a request and read the body of its answer.

    The head of the answer, redirects included, and its body each take ``timeout`` seconds
    at most: a timeout of sockets is one of silence, so a server that drips bytes is cut
    off as well. Redirects are followed only where asked for, and within one scheme.

    Raises HTTPError for any status but 2xx, TooLong, CutShort, TimeoutError, OSError, HTTPException.
    """
    if not request.has_header("User-agent"):
        request.add_header("User-Agent", USER_AGENT)
    connections = _Connections()
    opener = build_opener(connections, _SameScheme() if redirects else _NoRedirects())
    with connections.cut_after(timeout):
        response = opener.open(request, timeout=timeout)
    deadline = time.monotonic() + timeout
    body = bytearray()
    with response:
        while chunk := response.read1(65_536):
            body += chunk
            if len(body) > max_bytes:
                raise TooLong
            if time.monotonic() > deadline:
                raise TimeoutError
        if response.length:
            raise CutShort
    return bytes(body)


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> Request | None:
        return None  # so the redirect is an HTTPError with its status


class _SameScheme(HTTPRedirectHandler):
    max_redirections = MOST_REDIRECTS

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        if urlsplit(newurl).scheme != urlsplit(req.full_url).scheme:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Connections(HTTPSHandler, HTTPHandler):
    """Makes the connections of one exchange, and can cut the present one."""

    def __init__(self) -> None:
        super().__init__()
        self._made: HTTPConnection | None = None
        self._is_cut = False

    def do_open(self, http_class: Any, req: Request, **http_conn_args: Any) -> Any:
        def connect(*args: Any, **kwargs: Any) -> HTTPConnection:
            self._made = http_class(*args, **kwargs)
            return self._made

        return super().do_open(connect, req, **http_conn_args)

    @contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        """Shut the connection if the block lasts longer. Raises TimeoutError then."""
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (OSError, HTTPException) as error:
            if self._is_cut and not isinstance(error, HTTPError):
                raise TimeoutError from error
            raise
        finally:
            timer.cancel()
        if self._is_cut:  # a head may end anywhere, so it may look as if it had come
            raise TimeoutError

    def _cut(self) -> None:
        self._is_cut = True
        open_socket = getattr(self._made, "sock", None)
        if open_socket is not None:
            with suppress(OSError):  # it may have just been closed by itself
                open_socket.shutdown(socket.SHUT_RDWR)
