"""What a caller may do, as a digest: whether it is still what it was when an answer was stored.

What callers are is known above: whoever knows registers a function with ``caller_standing``.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

_functions: list[Callable[[Any], Any]] = []


def caller_standing(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Register a function that returns, as JSON, something that decides what a caller may do."""
    _functions.append(function)
    return function


def standing_of(user: Any) -> bytes:
    """Return a SHA-256 of all that decides what a caller may do at present."""
    found = [function(user) for function in _functions]
    return hashlib.sha256(json.dumps(found, sort_keys=True, default=str).encode()).digest()
