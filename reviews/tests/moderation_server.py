"""A moderation service of the tests' own: a real HTTP server that answers as OpenAI's does, or misbehaves."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

FLAGGED_WORD = "scoundrel"


class ModerationServer:
    """Flags ``FLAGGED_WORD``. Each of ``misbehaviours`` is called once instead of a good answer, in their order."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.misbehaviours: list[Callable[[Any], None]] = []
        self.usage: dict[str, int] | None = {"total_tokens": 7}
        self.meanwhile: Callable[[], Any] = lambda: None
        self.closing = threading.Event()

    def answer(self, text: str) -> dict[str, Any]:
        bad = FLAGGED_WORD in text
        result = {
            "flagged": bad,
            "categories": {"harassment": bad, "violence": False},
            "category_scores": {"harassment": 0.91234567 if bad else 0.01, "violence": 0.002},
        }
        usage = {} if self.usage is None else {"usage": self.usage}
        return {"id": "modr-1", "model": "test-model", "results": [result], **usage}

    def stall(self, handler: Any) -> None:
        """Take the request, and say nothing."""
        self.closing.wait(10)

    def drip_head(self, handler: Any) -> None:
        """Begin a head that never ends, a byte at a time."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not self.closing.wait(0.05):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    def drip_body(self, handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not self.closing.wait(0.05):
            handler.wfile.write(b" ")
            handler.wfile.flush()


def says(status: int, body: Any = b"", **headers: str) -> Callable[[Any], None]:
    """Answer with a status, a body (bytes, or anything as JSON) and headers, whose _ stand for -."""

    def misbehave(handler: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return misbehave


@contextmanager
def moderation_server() -> Iterator[ModerationServer]:
    """One on a free loopback port, for as long as the block lasts."""
    service = ModerationServer()
    direct = patch.dict(os.environ, no_proxy="127.0.0.1")  # the machine's own proxy has no part in this

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            service.requests.append((f"{self.command} {self.path}", dict(self.headers), body))
            try:
                if service.misbehaviours:
                    service.misbehaviours.pop(0)(self)
                    return
                service.meanwhile()
                says(200, service.answer(body["input"]), Content_Type="application/json")(self)
            except OSError:
                pass  # the client has given up

        def do_GET(self) -> None:
            service.requests.append((f"{self.command} {self.path}", dict(self.headers), {}))
            says(200)(self)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with direct:
            yield service
    finally:
        service.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
