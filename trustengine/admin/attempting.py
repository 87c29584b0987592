"""Services called from pages: what the rules refuse comes back as words, never as an error."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import OperationalError
from django.http import HttpRequest

from trustengine.errors import DomainError

BUSY = "somebody is working on it right now. Please try again."


def attempt(request: HttpRequest, name: str, call: Callable[[], Any], done: str) -> bool:
    """Carry something out, and tell what became of it; whether it was done."""
    try:
        call()
    except DomainError as refusal:
        fields = " ".join(error["message"] for error in refusal.extra.get("errors", ()))
        messages.warning(request, f"{name}: {fields or refusal.detail}")
    except OperationalError:  # a lock or statement timeout
        messages.warning(request, f"{name}: {BUSY}")
    else:
        messages.success(request, f"{name}: {done}.")
        return True
    return False
