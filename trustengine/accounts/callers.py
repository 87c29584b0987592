"""Who sent a request."""

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from trustengine.accounts.models import User


def caller(request: Request) -> User:
    """The signed-in user; NotAuthenticated where there is none."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def viewer(request: Request) -> User | None:
    """The signed-in user, or None for the public."""
    return request.user if isinstance(request.user, User) else None
