"""Which user an operator means."""

from contextlib import suppress
from uuid import UUID

from django.db.models import Q

from trustengine.accounts.models import User
from trustengine.identifiers import canonical_subject, is_reserved_subject


class NobodyMeant(Exception):
    """No user, or more than one, goes by what was given."""


def user_meant(given: str) -> User:
    """The user with this id, subject or username, else the only one with this e-mail address. Raises NobodyMeant."""
    if is_reserved_subject(given):
        raise NobodyMeant(f"{given!r} is a subject that the system gives to people who were erased; use the user's id")
    named = Q(subject=canonical_subject(given)) | Q(username=given)
    with suppress(ValueError):
        named |= Q(pk=UUID(given))
    found = list(User.objects.filter(named)[:2]) or list(User.objects.filter(email__iexact=given).exclude(email="")[:2])
    if len(found) != 1:
        raise NobodyMeant(f"{'several users go' if found else 'no user goes'} by {given!r}; use the id of one")
    return found[0]
