"""The API's door: ``Authorization: Bearer``."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from trustengine.accounts.arrivals import user_of
from trustengine.accounts.errors import TokenInvalid
from trustengine.accounts.models import User
from trustengine.accounts.tokens import VerifiedToken, verified
from trustengine.api.refusals import refused

# These happen to honest clients every day.
ROUTINE = {"expired", "inactive", "password_changed", "signed_out", "erased", "second_factor"}


class BearerAuthentication(BaseAuthentication):
    """Takes own access tokens, and those of the configured identity provider.

    ``request.auth`` is the ``VerifiedToken``. Without the header the request is
    anonymous; a header that is not believed is an error even where none is needed.
    """

    def authenticate(self, request: Request) -> tuple[User, VerifiedToken] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "").strip()
        if not header:
            return None
        try:
            token = verified(_bearer(header))
            return user_of(token), token
        except TokenInvalid as refusal:
            if refusal.reason not in ROUTINE:
                refused(refusal.code, reason=refusal.reason)
            raise AuthenticationFailed(refusal.detail) from refusal

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or " " in token:
        raise TokenInvalid("malformed", "The header must read “Authorization: Bearer” and one token.")
    return token
