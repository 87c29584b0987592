"""Sessions of the console: how one is begun, and what it has proved.

A session of the public pages that was handed over by a token never opens the console. A
user who has a second factor, or needs one, opens it only by a session that has proved it.
Between the password and the second factor nobody is signed in: the session only knows
whose code it waits for.
"""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from trustengine.accounts.models import User
from trustengine.admin.site import ARRIVING
from trustengine.database_time import database_now

BACKEND = "django.contrib.auth.backends.ModelBackend"
BY_TOKEN, BY_SECOND_FACTOR, ACTIVE_AT, PENDING = "by_token", "by_second_factor", "active_at", "sign_in_pending"
PENDING_SECONDS = 600
NOTE_EVERY_SECONDS = 60


def begin_sign_in(request: HttpRequest, user: User, *, onward: str) -> HttpResponse:
    """Sign in a user whose password was right, or ask for the second factor first."""
    if not user.needs_second_factor:
        complete_sign_in(request, user)
        request.session[ARRIVING] = onward
        return redirect(onward)
    request.session.flush()
    request.session[PENDING] = {"user": str(user.pk), "state": user.get_session_auth_hash(), "at": _now()}
    return redirect(with_next("admin:second_factor" if user.has_second_factor else "admin:security", onward))


def complete_sign_in(request: HttpRequest, user: User, *, by_second_factor: bool = False) -> None:
    """Begin a session that opens what the user may open."""
    login(request, user, backend=BACKEND)
    for mark in (BY_TOKEN, PENDING, BY_SECOND_FACTOR):
        request.session.pop(mark, None)
    if by_second_factor:
        request.session[BY_SECOND_FACTOR] = True
    request.session[ACTIVE_AT] = int(_now())


def pending_user(request: HttpRequest) -> User | None:
    """Whose second factor a session waits for: asked for within ten minutes, and with the same password since."""
    pending = request.session.get(PENDING)
    if not pending or not 0 <= _now() - pending["at"] < PENDING_SECONDS:
        return None
    user = User.objects.filter(pk=UUID(pending["user"]), is_active=True).first()
    return user if user and user.get_session_auth_hash() == pending["state"] else None


def admits(request: HttpRequest) -> bool:
    """Whether the session of an active member of staff has proved what the console asks for."""
    session, user = request.session, request.user
    if session.get(BY_TOKEN) or not isinstance(user, User):
        return False
    return bool(session.get(BY_SECOND_FACTOR)) or not user.needs_second_factor


def keep_time(request: HttpRequest) -> None:
    """Sign out whose session has not been used for CONSOLE_IDLE_MINUTES, and note use at most once a minute.

    What a page fetches by itself, such as live numbers, is no use of it.
    """
    limit = settings.CONSOLE_IDLE_MINUTES * 60
    if not limit or not request.user.is_authenticated:
        return
    now = int(_now())
    signed_in = getattr(request.user, "last_login", None)  # where a session was begun without the mark
    active_at = request.session.get(ACTIVE_AT) or (int(signed_in.timestamp()) if signed_in else 0)
    if now - active_at > limit:
        logout(request)
        minutes = settings.CONSOLE_IDLE_MINUTES
        messages.info(request, f"You were signed out after {minutes} minutes without activity. Please sign in again.")
    elif now - active_at >= NOTE_EVERY_SECONDS and not _is_fetched_by_a_script(request):
        request.session[ACTIVE_AT] = now


def onward(request: HttpRequest) -> str:
    """Where to go after signing in: the page that was asked for, if it is one of ours, else the console's home."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if is_ours else reverse("admin:index")


def with_next(page: str, onward: str) -> str:
    return f"{reverse(page)}?{urlencode({'next': onward})}"


def _is_fetched_by_a_script(request: HttpRequest) -> bool:
    return request.method == "GET" and request.headers.get("Sec-Fetch-Dest") == "empty"


def _now() -> float:
    return database_now().timestamp()
