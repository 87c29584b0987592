"""A small application behind the reader of bodies, for granian in tests: it tells what it was called with."""

import json

from trustengine.rsgi import BODY_PROBLEM, Application, Reader

STATUSES = {"too_slow": "408 Request Timeout", "too_large": "413 Content Too Large", "cut_short": "400 Bad Request"}
SEEN: list[str] = []


class Pieces(list):
    streaming = True


def echo(environ, start_response):
    path, problem = environ["PATH_INFO"], environ[BODY_PROBLEM]
    SEEN.append(f"{environ['REQUEST_METHOD']} {path} {problem}".strip())
    body = environ["wsgi.input"].read()
    start_response(STATUSES.get(problem, "204 No Content" if path == "/empty" else "200 OK"), [("X-Answer", "1")])
    if path == "/pieces":
        return Pieces([b"one", b"", b"two"])
    told = {name: str(value) for name, value in environ.items() if not name.startswith("wsgi.") or "url" in name}
    return [json.dumps({**told, "body": body.decode("latin-1"), "seen": SEEN}).encode()]


app = Application(echo, Reader(seconds=1.0, most_bytes=100_000), threads=2)
