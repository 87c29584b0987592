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
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

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


KINDS: dict[str, tuple[Any, Any]] = {
    "ES256": (ECAlgorithm, lambda: ec.generate_private_key(ec.SECP256R1())),
    "ES384": (ECAlgorithm, lambda: ec.generate_private_key(ec.SECP384R1())),
    "EdDSA": (OKPAlgorithm, ed25519.Ed25519PrivateKey.generate),
    "Ed25519": (OKPAlgorithm, ed25519.Ed25519PrivateKey.generate),
}
RSA_KIND = (RSAAlgorithm, lambda: rsa.generate_private_key(public_exponent=65_537, key_size=2_048))


class Key:
    """A key pair of the provider."""

    def __init__(self, kid: str | None, algorithm: str = "RS256", **jwk: Any) -> None:
        self.kid, self.algorithm, self.jwk = kid, algorithm, jwk
        self.private: Any = KINDS.get(algorithm, RSA_KIND)[1]()

    def public(self) -> dict[str, Any]:
        kind = KINDS.get(self.algorithm, RSA_KIND)[0]
        member = json.loads(kind.to_jwk(self.private.public_key()))
        member.pop("key_ops", None)  # PyJWT writes it; most providers do not
        member |= {"use": "sig", "alg": self.algorithm} | self.jwk
        member |= {"kid": self.kid} if self.kid else {}
        return {name: value for name, value in member.items() if value is not None}

    def token(self, algorithm: str = "", kid: str | None = "", **changes: Any) -> str:
        """A token of this key; ``kid`` in place of the key's own, None for none."""
        named = self.kid if kid == "" else kid
        headers = {"kid": named} if named else None
        return jwt.encode(claims(**changes), self.private, algorithm=algorithm or self.algorithm, headers=headers)


class Provider:
    """What the server serves, and how.

    ``serve``, ``fail``, ``stall``, ``drip``, ``drip_head``, ``garbage``, ``too_long``, ``firewall`` (refuses the names
    of libraries), or ``redirect`` to where ``target`` says.
    """

    def __init__(self, *keys: Key) -> None:
        self.keys = list(keys)
        self.mode = "serve"
        self.requests = 0
        self.agents: list[str] = []
        self.target = ""
        self.url = ""
        self.closing = threading.Event()

    def document(self) -> bytes:
        return json.dumps({"keys": [key.public() for key in self.keys]}).encode()


class Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        self.provider.requests += 1
        self.provider.agents.append(self.headers["User-Agent"])
        misbehave = getattr(self, f"_{self.provider.mode}", None)
        if misbehave is None or self.path == "/moved":
            self._answer(200, self.provider.document())
        else:
            misbehave()

    def _fail(self) -> None:
        self._answer(503, self.provider.document())

    def _garbage(self) -> None:
        self._answer(200, b"<html>")

    def _too_long(self) -> None:
        self._answer(200, self.provider.document() + b" " * 2_000_000)

    def _stall(self) -> None:
        self.provider.closing.wait(10)

    def _firewall(self) -> None:
        named = self.headers["User-Agent"].startswith("TrustEngine/")
        self._answer(200 if named else 403, self.provider.document())

    def _redirect(self) -> None:
        self._answer(302, b"", {"Location": self.provider.target})

    def _drip(self) -> None:
        body = self.provider.document()
        self._answer(200, body[:1], {"Content-Length": str(len(body))})
        for piece in (body[1:2], body[2:]):
            self.provider.closing.wait(1.2)
            self._send(piece)

    def _drip_head(self) -> None:
        self._send(b"HTTP/1.1 200 OK\r\n")
        while self._send(b"X-Drip: 1\r\n") and not self.provider.closing.wait(0.3):
            pass

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self._send(body)

    def _send(self, piece: bytes) -> bool:
        try:
            self.wfile.write(piece)
            self.wfile.flush()
        except OSError:  # the client has given up
            return False
        return True

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def running(*keys: Key) -> Iterator[Provider]:
    """A provider on a free loopback port, for as long as the block lasts."""
    provider = Provider(*keys)
    direct = patch.dict(os.environ, no_proxy="127.0.0.1")  # the machine's own proxy has no part in this

    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"provider": provider}))
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
