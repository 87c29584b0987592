from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from trustengine.accounts.callers import caller
from trustengine.accounts.erasing import request_erasure
from trustengine.accounts.errors import AuthRequired, ErasureHindered, SecondFactorRequired, TokenInvalid
from trustengine.accounts.exporting import export_of
from trustengine.accounts.models import Membership
from trustengine.accounts.refresh_tokens import renew, revoke
from trustengine.accounts.second_factor import sign_out_everywhere
from trustengine.accounts.serializers import (
    Credentials,
    ErasureOutput,
    ExportOutput,
    Me,
    MeChanges,
    MyProfile,
    RefreshInput,
    TokenPairOutput,
)
from trustengine.accounts.services import choose_notices, rename, sign_in
from trustengine.accounts.tokens import issue
from trustengine.api.limits import Limit, WithoutRedis
from trustengine.api.schema import raises
from trustengine.api.throttles import Throttle, WritesPerAddress
from trustengine.errors import AccountSuspended, RateLimitExceeded


class TokenRequests(WritesPerAddress):
    """Guessing of passwords and refresh tokens, so the limit holds without Redis too."""

    limit = Limit("token-requests", "TOKEN_REQUESTS_PER_MINUTE", WithoutRedis.DATABASE)


class ExportsPerUser(Throttle):
    """Exports read all that there is of somebody; without Redis nobody is kept from their data."""

    limit = Limit("exports", "EXPORTS_PER_MINUTE", WithoutRedis.OPEN)

    def caller(self, request: Request) -> str | None:
        return str(request.user.pk) if request.user.is_authenticated else None


class TokenView(APIView):
    """A pair of tokens for the name and password of an account here, and a code where it has a second factor."""

    # An expired token in the header must not keep anybody from getting a new one.
    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [TokenRequests]

    @raises(AuthRequired, SecondFactorRequired)
    @extend_schema(operation_id="auth_token", request=Credentials, responses=TokenPairOutput)
    def post(self, request: Request) -> Response:
        given = Credentials(data=request.data)
        given.is_valid(raise_exception=True)
        # Not DRF's request: axes leaves its marks on the one that its middleware sees.
        user = sign_in(request._request, **given.validated_data)
        return Response(TokenPairOutput(issue(user, by_second_factor=user.has_second_factor)).data)


class TokenRefreshView(APIView):
    """A fresh pair of tokens for a refresh token, which is good once.

    One that comes a second time ends every token of the same sign-in.
    """

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [TokenRequests]

    @raises(TokenInvalid, SecondFactorRequired)
    @extend_schema(operation_id="auth_token_refresh", request=RefreshInput, responses=TokenPairOutput)
    def post(self, request: Request) -> Response:
        given = RefreshInput(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(TokenPairOutput(renew(given.validated_data["refresh"])).data)


class TokenRevokeView(APIView):
    """The end of a refresh token."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [TokenRequests]

    @extend_schema(operation_id="auth_token_revoke", request=RefreshInput, responses={204: None})
    def post(self, request: Request) -> Response:
        """End a refresh token, and all tokens of the same sign-in. A token that is none is no error (RFC 7009)."""
        given = RefreshInput(data=request.data)
        given.is_valid(raise_exception=True)
        revoke(given.validated_data["refresh"])
        return Response(status=204)


class SignOutEverywhereView(APIView):
    """The end of every sign-in of the caller here."""

    unmetered = ("POST",)

    @extend_schema(operation_id="auth_sign_out_everywhere", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End all sessions and own tokens of the caller. Tokens of the identity provider end there."""
        user = caller(request)
        sign_out_everywhere(user, actor=user)
        return Response(status=204)


class MeView(APIView):
    """The caller, as this system knows them."""

    unmetered = ("DELETE",)

    @extend_schema(responses=Me)
    def get(self, request: Request) -> Response:
        return Response(Me(caller(request)).data)

    @raises(AccountSuspended)
    @extend_schema(request=MeChanges, responses=Me)
    def patch(self, request: Request) -> Response:
        """Change the name that others see, and which e-mails come."""
        given = MeChanges(data=request.data)
        given.is_valid(raise_exception=True)
        if "display_name" in given.validated_data:
            rename(caller(request), given.validated_data["display_name"])
        if notices := given.validated_data.get("notices"):
            choose_notices(caller(request), **notices)
        return Response(Me(caller(request)).data)

    @raises(ErasureHindered)
    @extend_schema(request=None, responses={202: ErasureOutput})
    def delete(self, request: Request) -> Response:
        """Erase everything personal about the caller.

        The account is closed at once, and no token of its is believed any more; a job
        takes away texts, votes and identifiers within minutes. Orders stay as records of
        commerce, under a name that says nothing. Suspended users may do this too.
        """
        user = caller(request)
        return Response(ErasureOutput(request_erasure(user, actor=user)).data, status=202)


class ExportView(APIView):
    """Everything held about the caller."""

    unmetered = ("GET",)

    throttle_classes = [ExportsPerUser]

    @raises(RateLimitExceeded)
    @extend_schema(operation_id="me_export", responses=ExportOutput)
    def get(self, request: Request) -> StreamingHttpResponse:
        """Everything held about the caller, by kind.

        The answer is streamed: it is complete if, and only if, it is valid JSON.
        """
        answer = StreamingHttpResponse(export_of(caller(request)), content_type="application/json")
        answer["Content-Disposition"] = 'attachment; filename="export.json"'
        answer["Cache-Control"] = "private, no-store"
        return answer


class MyProfilesView(ListAPIView[Membership]):
    """The profiles that the caller may act for."""

    serializer_class = MyProfile
    queryset = Membership.objects.none()  # tells the schema of what

    def get_queryset(self) -> QuerySet[Membership]:
        return Membership.objects.filter(user=caller(self.request)).select_related("profile").order_by("pk")
