"""Bearer tokens: own ones and those of the configured identity provider."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request


class BearerAuthentication(BaseAuthentication):
    """Reads ``Authorization: Bearer``."""

    def authenticate(self, request: Request) -> None:
        return None
