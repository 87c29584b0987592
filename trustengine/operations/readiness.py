"""Asking the running system, over HTTP, whether it is ready."""

import json
from http.client import HTTPConnection, HTTPException

PATIENCE = 1.0  # seconds; the supervisor does nothing else meanwhile


def web_address(host: str, port: int) -> str:
    """The address to print and to open, such as http://127.0.0.1:8000."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def unreadiness(host: str, port: int) -> str:
    """Why ``/readyz`` does not answer 200, in one line; empty when it does."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # nosec B104
    connection = HTTPConnection(reachable, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(2_000).decode(errors="replace")
    except (OSError, HTTPException) as error:
        return f"the web server does not answer ({error})"
    finally:
        connection.close()
    if answer.status == 200:
        return ""
    try:
        body = json.dumps(json.loads(body))
    except ValueError:
        body = " ".join(body.split())[:300]
    return f"/readyz answers {answer.status}: {body}"
