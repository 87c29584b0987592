"""The answers of password forms: the cookie of a known device, and the limit on changing one's password."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from trustengine.accounts.known_devices import remember
from trustengine.api.limits import Limit, WithoutRedis
from trustengine.api.problems import unavailable
from trustengine.errors import RateLimitExceeded

PASSWORD_CHANGES = Limit("password-changes", "AXES_FAILURE_LIMIT", WithoutRedis.DATABASE, 3_600.0)


class PasswordForms:
    """Sets the cookie after a sign-in on a page, and bounds the guesses of an old password by a stolen session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        device = getattr(request, "known_device", "")
        if device and not request.path.startswith("/api/"):
            remember(response, device)
        return response

    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponse | None:
        match = request.resolver_match
        if request.method != "POST" or match is None or match.url_name != "password_change":
            return None
        if not request.user.is_authenticated:
            return None
        try:
            PASSWORD_CHANGES.count(request.user.pk)
        except RateLimitExceeded as error:
            return unavailable(request, error)
        return None
