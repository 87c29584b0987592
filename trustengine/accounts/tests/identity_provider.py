"""An identity provider of the tests' own: keys, tokens, and a real HTTP server that may misbehave."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

SECRET = "a shared secret of the tests that is long enough"
SOON = 300


def claims(**changes: Any) -> dict[str, Any]:
    """Claims of a good token, with changes; None takes a claim away."""
    now = int(time.time())
    every = {"sub": "customer-x", "iat": now, "exp": now + SOON} | changes
    return {name: value for name, value in every.items() if value is not None}


def outside_token(secret: str = SECRET, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token signed with the shared secret."""
    return jwt.encode(claims(**changes), secret, algorithm="HS256", headers=headers)


class Key:
    """A key pair of the provider."""

    def __init__(self, kid: str | None, algorithm: str = "RS256", **jwk: Any) -> None:
        self.kid, self.algorithm, self.jwk = kid, algorithm, jwk
        self.private: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm.startswith("ES")
            else rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        )

    def public(self) -> dict[str, Any]:
        kind = ECAlgorithm if self.algorithm.startswith("ES") else RSAAlgorithm
        member = json.loads(kind.to_jwk(self.private.public_key()))
        member |= {"use": "sig", "alg": self.algorithm} | self.jwk
        member |= {"kid": self.kid} if self.kid else {}
        return {name: value for name, value in member.items() if value is not None}

    def token(self, algorithm: str = "", **changes: Any) -> str:
        headers = {"kid": self.kid} if self.kid else None
        return jwt.encode(claims(**changes), self.private, algorithm=algorithm or self.algorithm, headers=headers)


class Provider:
    """What the server serves, and how: ``serve``, ``fail``, ``stall``, ``drip`` or ``garbage``."""

    def __init__(self, *keys: Key) -> None:
        self.keys = list(keys)
        self.mode = "serve"
        self.requests = 0
        self.url = ""
        self.closing = threading.Event()

    def document(self) -> bytes:
        return json.dumps({"keys": [key.public() for key in self.keys]}).encode()


@contextmanager
def running(*keys: Key) -> Iterator[Provider]:
    """A provider on a free loopback port, for as long as the block lasts."""
    provider = Provider(*keys)
    direct = patch.dict(os.environ, no_proxy="127.0.0.1")  # the machine's own proxy has no part in this

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.requests += 1
            body = b"<html>" if provider.mode == "garbage" else provider.document()
            if provider.mode == "stall":
                provider.closing.wait(10)
                return
            self.send_response(503 if provider.mode == "fail" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                for piece in [body[:1], body[1:2], body[2:]] if provider.mode == "drip" else [body]:
                    if provider.mode == "drip":
                        provider.closing.wait(1.2)
                    self.wfile.write(piece)
                    self.wfile.flush()
            except OSError:
                pass  # the client has given up

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with direct:
            yield provider
    finally:
        provider.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
