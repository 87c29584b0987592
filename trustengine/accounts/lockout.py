"""What somebody is told whose sign-ins have failed too often. django-axes counts; this answers."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from trustengine.api.problems import as_json
from trustengine.api.refusals import refused
from trustengine.client_address import client_address
from trustengine.errors import RateLimitExceeded

MESSAGE = "Too many failed attempts to sign in. Please wait."


def sign_in_address(request: HttpRequest) -> str | None:
    """The address that failures are counted by; None where the server knows none (a Unix socket)."""
    return client_address(request) or None


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Mapping[str, Any] | None) -> HttpResponse:
    """A problem document for the API, a page for the admin site; both with ``Retry-After``."""
    wait = seconds_left(request, credentials)
    refused("LOCKED_OUT", address=sign_in_address(request))
    answer: HttpResponse
    if request.path.startswith("/api/"):
        answer = as_json(RateLimitExceeded.status, RateLimitExceeded.code, MESSAGE)
    else:
        context = {"title": "Sign-in is paused", "message": MESSAGE, "minutes": -(-wait // 60)}
        answer = render(request, "admin/locked_out.html", context, status=RateLimitExceeded.status)
    answer["Retry-After"] = str(wait)
    return answer


def seconds_left(request: HttpRequest, credentials: Mapping[str, Any] | None) -> int:
    """Until the last counted failure is old enough. Attempts while locked out are not counted."""
    pause: timedelta = settings.AXES_COOLOFF_TIME
    moments: list[datetime] = [
        moment
        for attempts in AxesProxyHandler.get_implementation().get_user_attempts(request, credentials)
        for moment in attempts.values_list("attempt_time", flat=True)
    ]
    end = max(moments, default=timezone.now()) + pause
    return max(1, ceil((end - timezone.now()).total_seconds()))
