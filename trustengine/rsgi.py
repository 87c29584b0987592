"""The application that granian serves by its RSGI interface: Django's, behind a reader of requests.

A request's body is read on the event loop, before a thread takes the request: so a slow
client costs a connection and never a thread, a chunked body arrives whole, and a body that
ends before its announced length is not acted upon. Header names with underscores are dropped:
WSGI writes ``X-Forwarded_For`` and ``X-Forwarded-For`` alike, and the client's would win.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

BODY_PROBLEM = "trustengine.body_problem"  # in the environ, for the middleware that answers
TOO_SLOW, TOO_LARGE, CUT_SHORT = "too_slow", "too_large", "cut_short"
LEAST_BYTES_PER_SECOND = 4_096  # of a body, once its first seconds are over
IN_MEMORY = 1_048_576  # bytes of a body that are kept in memory, and of an answer that is sent at once
FORM_AROUND_FILE = 1_048_576  # bytes
SEND_SECONDS = 30.0  # for granian to take a piece of a streamed answer
HEALTH = "/healthz"
UNREADABLE = "\ufffd".encode().decode("latin-1")  # U+FFFD, as PEP 3333 spells it


class Body(NamedTuple):
    """A request's body as it arrived; ``problem`` says why it is not acted upon."""

    content: IO[bytes]
    length: int
    problem: str = ""


class Reader:
    """Reads bodies within bounds of time and size."""

    def __init__(self, *, seconds: float, most_bytes: int) -> None:
        self.seconds = seconds
        self.most_bytes = most_bytes

    async def read(self, protocol: Any, announced: int | None) -> Body:
        """The body, as far as it came. It has ``seconds`` to begin with and more as it grows."""
        content: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        if announced is not None and announced > self.most_bytes:
            return Body(content, 0, TOO_LARGE)
        began, length, chunks = time.monotonic(), 0, protocol.__aiter__()
        while True:
            left = self.seconds + length / LEAST_BYTES_PER_SECOND - (time.monotonic() - began)
            try:
                chunk = await asyncio.wait_for(chunks.__anext__(), min(max(left, 0.001), self.seconds))
            except StopAsyncIteration:
                break
            except TimeoutError:
                return Body(content, length, TOO_SLOW)
            length += len(chunk)
            if length > self.most_bytes:
                return Body(content, length, TOO_LARGE)
            content.write(chunk)
        content.seek(0)
        return Body(content, length, CUT_SHORT if announced is not None and length < announced else "")


class Application:
    """A WSGI application for granian's RSGI interface, run by a fixed number of threads."""

    def __init__(self, wsgi: Wsgi, reader: Reader, *, threads: int) -> None:
        self._wsgi = wsgi
        self._reader = reader
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._probe = ThreadPoolExecutor(1, thread_name_prefix="health")  # answers whatever the other threads do

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.proto != "http":
            protocol.close(403)
            return
        headers = headers_of(scope)
        announced = _length(headers)
        if announced or "transfer-encoding" in scope.headers or (announced is None and scope.http_version == "2"):
            body = await self._reader.read(protocol, announced)
        else:
            body = Body(BytesIO(), 0)
        loop = asyncio.get_running_loop()
        threads = self._probe if scope.path == HEALTH else self._threads
        with body.content:
            await loop.run_in_executor(threads, self._answer, environ_of(scope, headers, body), protocol, loop)

    def _answer(self, environ: Environ, protocol: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Run the application in this thread, and send what it answers."""
        started: dict[str, Any] = {}

        def start_response(status: str, headers: Headers, exc_info: Any = None) -> None:
            started["status"], started["headers"] = int(status.split(" ", 1)[0]), headers

        answer = self._wsgi(environ, start_response)
        try:
            status, headers = started["status"], [(name.lower(), value) for name, value in started["headers"]]
            if environ[BODY_PROBLEM]:
                headers.append(("connection", "close"))
            if environ["REQUEST_METHOD"] == "HEAD" or status in {204, 304}:
                protocol.response_empty(status, headers)
                return
            if getattr(answer, "streaming", False) and _length(headers, limit=IN_MEMORY) is None:
                _stream(protocol.response_stream(status, headers), answer, loop)
            else:
                protocol.response_bytes(status, headers, b"".join(answer))
        finally:
            if close := getattr(answer, "close", None):
                close()


def headers_of(scope: Any) -> Headers:
    """List the request's headers: in place of a value that granian does not hand over, ``UNREADABLE``.

    granian leaves out values that are not ASCII. A header must not vanish by that: without an
    ``X-Forwarded-For`` a client would be taken for its proxy, which no limit by address counts.
    """
    found = list(scope.headers.items())
    readable = {name for name, _ in found}
    found += [(name, UNREADABLE) for name in scope.headers if name not in readable]
    return [(name, value) for name, value in found if "_" not in name]


def environ_of(scope: Any, headers: Headers, body: Body) -> Environ:
    """The request as WSGI describes it. Text is UTF-8 that is written as Latin-1, as PEP 3333 has it."""
    host, _, port = scope.server.rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _as_latin_1(scope.path),
        "QUERY_STRING": _as_latin_1(scope.query_string),
        "SERVER_NAME": host or "localhost",
        "SERVER_PORT": port or "0",
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": body.content,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        BODY_PROBLEM: body.problem,
    }
    for name, value in headers:
        if name not in {"content-length", "content-type", "transfer-encoding"}:
            key = "HTTP_" + name.upper().replace("-", "_")
            separator = "; " if name == "cookie" else ","
            environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
        elif name == "content-type":
            environ["CONTENT_TYPE"] = value
    if scope.authority and "HTTP_HOST" not in environ:  # HTTP/2
        environ["HTTP_HOST"] = scope.authority
    environ["CONTENT_LENGTH"] = "" if body.problem else str(body.length)
    return environ


def _stream(transport: Any, answer: Iterable[bytes], loop: asyncio.AbstractEventLoop) -> None:
    """Send an answer piece by piece. A reader that has gone ends it.

    granian keeps what a slow reader has not taken yet: memory holds a streamed answer like any other.
    """
    for chunk in answer:
        if chunk:
            sent: Future[None] = asyncio.run_coroutine_threadsafe(_send(transport, chunk), loop)
            sent.result(SEND_SECONDS)


async def _send(transport: Any, chunk: bytes) -> None:
    await transport.send_bytes(chunk)


def _length(headers: Headers, limit: int | None = None) -> int | None:
    """The Content-Length among headers, or None without one, or where it is more than ``limit``."""
    for name, value in headers:
        if name == "content-length" and value.isascii() and value.isdigit():
            return int(value) if limit is None or int(value) <= limit else None
    return None


def _as_latin_1(text: str) -> str:
    return text.encode(errors="surrogateescape").decode("latin-1")


def application() -> Application:
    """Django behind the reader, as the settings have it: granian's target, called with ``--factory``."""
    from trustengine.wsgi import application as django_application  # sets Django up

    from django.conf import settings  # isort: skip

    largest = max(settings.PHOTO_MAX_BYTES, settings.EVIDENCE_MAX_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    reader = Reader(seconds=settings.BODY_TIMEOUT_SECONDS, most_bytes=largest + FORM_AROUND_FILE)
    return Application(django_application, reader, threads=settings.WEB_THREADS)
