"""What django-axes counts failed sign-ins by, and the answer to whoever has to wait before the next one."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from trustengine.api.problems import as_json
from trustengine.api.refusals import refused
from trustengine.client_address import client_address, is_shared, network_of
from trustengine.database_time import database_now
from trustengine.errors import RateLimitExceeded

MESSAGE = "Too many failed attempts to sign in. Please wait."


def sign_in_address(request: HttpRequest) -> str | None:
    """The address that failures are counted by: of IPv6 the first of its /64. None where there is none."""
    return network_of(client_address(request)).partition("/")[0] or None


def is_never_locked(request: HttpRequest, credentials: Mapping[str, Any] | None) -> bool:
    """Whether a lock would hold for everyone: at the address of a proxy anybody could lock anybody out.

    ``PasswordGuard`` delays there instead.
    """
    return is_shared(request)


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Mapping[str, Any] | None) -> HttpResponse:
    """A problem document for the API, else a page that looks like the form; with ``Retry-After``."""
    delay = getattr(request, "sign_in_delay", 0)  # by PasswordGuard, which has noted it
    wait = delay or seconds_left(request, credentials)
    if not delay:
        refused("LOCKED_OUT", address=sign_in_address(request))
    answer: HttpResponse
    if request.path.startswith("/api/"):
        answer = as_json(RateLimitExceeded.status, RateLimitExceeded.code, MESSAGE)
    else:
        context = {"title": "Sign-in is paused", "message": MESSAGE, "wait": _in_words(wait)}
        page = "pages/locked_out.html"
        if request.path.startswith(reverse("admin:index")):
            page, context = "admin/locked_out.html", {**admin.site.each_context(request), **context}
        answer = render(request, page, context, status=RateLimitExceeded.status)
    answer["Retry-After"] = str(wait)
    return answer


def _in_words(seconds: int) -> str:
    number, unit = (seconds, "second") if seconds < 120 else (-(-seconds // 60), "minute")
    return f"{number} {unit}{'s' * (number != 1)}"


def seconds_left(request: HttpRequest, credentials: Mapping[str, Any] | None) -> int:
    """Until the last counted failure is old enough. Attempts while locked out are not counted."""
    pause: timedelta = settings.AXES_COOLOFF_TIME
    moments: list[datetime] = [
        moment
        for attempts in AxesProxyHandler.get_implementation().get_user_attempts(request, credentials)
        for moment in attempts.values_list("attempt_time", flat=True)
    ]
    end = max(moments, default=database_now()) + pause
    return max(1, ceil((end - database_now()).total_seconds()))
