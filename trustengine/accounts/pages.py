"""Sessions for the public pages: by an account's password, or handed over by the marketplace."""

from typing import Any

from django.contrib.auth import login, logout
from django.contrib.auth.views import LoginView
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from trustengine.accounts.api import TokenRequests
from trustengine.accounts.callers import caller
from trustengine.accounts.sessions import BACKEND, BY_TOKEN, begin_sign_in
from trustengine.api.schema import raises
from trustengine.errors import PermissionDenied


class SignIn(LoginView):
    """``/sign-in/``: failures count towards the same lock-out as the admin's door."""

    template_name = "pages/sign_in.html"
    next_page = "sign-in"

    def form_valid(self, form: Any) -> HttpResponse:
        """Ask for the second factor where there is one: no session of such a user begins by a password alone."""
        return begin_sign_in(self.request, form.get_user(), onward=self.get_success_url())


class SessionView(APIView):
    """A session of the public pages for the holder of a token, so that a shop's customers can vote there."""

    throttle_classes = [TokenRequests]

    def get_permissions(self) -> list[Any]:
        return [IsAuthenticated() if self.request.method == "POST" else AllowAny()]

    @raises(PermissionDenied)
    @extend_schema(operation_id="auth_session_begin", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Begin one: the answer sets its cookie. Staff sign in at the admin's door only."""
        user = caller(request)
        if user.is_staff or user.is_superuser:
            raise PermissionDenied("Staff sign in with their password.")
        login(request._request, user, backend=BACKEND)
        request._request.session[BY_TOKEN] = True  # opens no console, also if the user becomes staff later
        return Response(status=204)

    @extend_schema(operation_id="auth_session_end", responses={204: None})
    def delete(self, request: Request) -> Response:
        """End it."""
        logout(request._request)
        return Response(status=204)
