"""Whose figures somebody may see."""

from collections.abc import Sequence
from uuid import UUID

from trustengine.accounts.access import has_profile_access
from trustengine.accounts.models import Profile, User
from trustengine.errors import AccountSuspended, InvalidInput, NotFound, PermissionDenied

SEE_ALL = "metrics.view_platformdaily"
SEE_TRUST = "metrics.see_trust"


def vendors_of(user: User) -> Sequence[Profile]:
    """The vendors that somebody is a member of, in any role, by name."""
    return list(Profile.objects.vendors().of(user).order_by("display_name", "pk"))


def vendor_for(user: User, asked: UUID | None) -> Profile:
    """The vendor whose figures are asked for: the one named, else the only one that the user belongs to.

    Raises NotFound for a vendor the user has no part in and where they have none at all,
    InvalidInput where they have several and name none, AccountSuspended.
    """
    own = Profile.objects.vendors().of(user)
    found = list(own.filter(pk=asked) if asked else own.order_by("pk")[:2])
    if not found:
        raise NotFound
    if user.is_suspended:
        raise AccountSuspended
    if len(found) > 1:
        raise InvalidInput(fields={"profile": "You belong to several vendors: name one."})
    vendor = found[0]
    if not has_profile_access(user, vendor):
        raise NotFound
    return vendor


def require_permission(user: User, permission: str) -> None:
    """Raise PermissionDenied for those without it."""
    if not user.has_perm(permission):
        raise PermissionDenied
