"""A Stripe of the tests' own: a real HTTP server that answers in Stripe's shapes, or misbehaves."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl

SECRET_KEY = "sk_test_TheKeyOfTheTests0000"


class FakeStripe:
    """Intents and refunds by idempotency key. ``failures`` are answered first, each once: (status, error)."""

    def __init__(self) -> None:
        self.url = ""
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.failures: list[tuple[int, dict[str, Any]]] = []
        self.refund_status = "succeeded"
        self.stalling = False
        self.closing = threading.Event()
        self.answered: dict[str, dict[str, Any]] = {}

    def answer(self, method: str, path: str, form: dict[str, str], key: str) -> tuple[int, dict[str, Any]]:
        if self.failures:
            status, error = self.failures.pop(0)
            return status, {"error": error}
        if method == "POST" and key in self.answered:
            return 200, self.answered[key]
        done = self._do(method, path, form)
        if method == "POST" and key and done[0] == 200:
            self.answered[key] = done[1]
        return done

    def _do(self, method: str, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        parts = path.strip("/").split("/")
        if parts[1] == "refunds":
            refund = {"id": f"re_{len(self.refunds)}", "object": "refund", "status": self.refund_status, **form}
            self.refunds[refund["id"]] = refund
            return 200, refund
        if len(parts) == 2:
            number = len(self.intents)
            intent = {
                "id": f"pi_{number}",
                "object": "payment_intent",
                "client_secret": f"pi_{number}_secret_x",
                "status": "requires_payment_method",
                **form,
            }
            self.intents[intent["id"]] = intent
            return 200, intent
        intent = self.intents[parts[2]]
        if parts[3:] == ["cancel"]:
            if intent["status"] in {"succeeded", "canceled"}:
                return 400, {"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}}
            intent["status"] = "canceled"
        return 200, intent


@contextmanager
def fake_stripe() -> Iterator[FakeStripe]:
    """A Stripe on a free loopback port, for as long as the block lasts."""
    stripe = FakeStripe()
    direct = patch.dict(os.environ, no_proxy="127.0.0.1")  # the machine's own proxy has no part in this

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = dict(parse_qsl(self.rfile.read(length).decode()))
            stripe.requests.append((f"{self.command} {self.path}", form, dict(self.headers)))
            if stripe.stalling:
                stripe.closing.wait(10)
                return
            status, answer = stripe.answer(self.command, self.path, form, self.headers.get("Idempotency-Key", ""))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Request-Id", "req_of_the_tests")
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stripe.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with direct:
            yield stripe
    finally:
        stripe.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
