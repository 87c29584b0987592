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
from trustengine.accounts.errors import AuthRequired, ErasureHindered, TokenInvalid
from trustengine.accounts.exporting import export_of
from trustengine.accounts.models import Membership
from trustengine.accounts.serializers import (
    AccessOutput,
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
from trustengine.accounts.tokens import issue, renew
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
    """A pair of tokens for the name and password of an account here."""

    # An expired token in the header must not keep anybody from getting a new one.
    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [TokenRequests]

    @raises(AuthRequired)
    @extend_schema(operation_id="auth_token", request=Credentials, responses=TokenPairOutput)
    def post(self, request: Request) -> Response:
        given = Credentials(data=request.data)
        given.is_valid(raise_exception=True)
        # Not DRF's request: axes leaves its marks on the one that its middleware sees.
        user = sign_in(request._request, **given.validated_data)
        return Response(TokenPairOutput(issue(user)).data)


class TokenRefreshView(APIView):
    """A fresh access token for a refresh token."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [TokenRequests]

    @raises(TokenInvalid)
    @extend_schema(operation_id="auth_token_refresh", request=RefreshInput, responses=AccessOutput)
    def post(self, request: Request) -> Response:
        given = RefreshInput(data=request.data)
        given.is_valid(raise_exception=True)
        return Response({"access": renew(given.validated_data["refresh"])})


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
