"""What never reaches a log: secrets, tokens and e-mail addresses.

The first defence is not to log them. This is the second, for what nobody wrote on
purpose: the message of a library's exception, a traceback, an address with a password.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

REDACTED = "[redacted]"

# Members whose value says nothing that a log needs, whatever stands around the word in the name.
SENSITIVE_NAME = re.compile(
    r"passw(?:or)?d|secret|token(?!_type)|authorization|cookie|credential|api[_-]?key|signature|e[_-]?mail",
    re.IGNORECASE,
)
# Each pattern holds what may stay in group 1, if it has one.
PATTERNS = [
    re.compile(r"(\b(?:Bearer|Basic)\s+)[\w.~+/=-]+", re.IGNORECASE),
    re.compile(r"()\beyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?"),  # a JWT: base64 of {"
    re.compile(r"()\b(?:sk|rk|whsec)_[A-Za-z0-9_]{8,}"),  # keys of the payment provider
    re.compile(r"(://[^\s:/@]*:)[^\s/@]+(?=@)"),  # the password in the address of a server
    re.compile(
        r"""((?:passw(?:or)?d|secret|token|api_?key|authorization|cookie)\w*["']?\s*[=:]\s*["']?)[^\s"',;&)}\]]+""",
        re.IGNORECASE,
    ),
    # The row that PostgreSQL refused, with whatever people wrote into it.
    re.compile(r"(\nDETAIL: )(?s:.+?)(?=\n\n(?:The above exception|During handling)|\Z)"),
    re.compile(r"()[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+"),
]
DEEPEST = 8


def redact(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the last before rendering, so that it sees tracebacks as text."""
    for name, value in event.items():
        event[name] = REDACTED if SENSITIVE_NAME.search(name) else without_secrets(value)
    return event


def without_secrets(value: Any, depth: int = 0) -> Any:
    """The same value, with its structure, but for what must not be read in it. Objects become text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth > DEEPEST:
        return REDACTED
    if isinstance(value, Mapping):
        return {
            str(name): REDACTED if SENSITIVE_NAME.search(str(name)) else without_secrets(inner, depth + 1)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [without_secrets(inner, depth + 1) for inner in value]
    return redacted_text(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def redacted_text(text: str) -> str:
    """The text without bearer tokens, JWTs, keys, passwords and e-mail addresses."""
    for pattern in PATTERNS:
        text = pattern.sub(rf"\1{REDACTED}", text)
    return text
