"""Which profile a request is about: one that the caller is a member of, or none that exists."""

from uuid import UUID

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from billing.services.calls import profiles_of
from trustengine.accounts.access import has_profile_access
from trustengine.accounts.models import User
from trustengine.errors import NotFound


def profile_seen_by(user: User, profile_id: UUID | None) -> UUID:
    """The named profile, else whom the caller's calls are counted for. Raises NotFound for others' and for none."""
    found = profile_id or profiles_of([user.pk]).get(user.pk)
    if found is None or not has_profile_access(user, found):
        raise NotFound
    return found


class MayRecordUsage(BasePermission):
    """Services, by the permission of their group or of the identity provider's token."""

    def has_permission(self, request: Request, view: object) -> bool:
        return request.user.has_perm("accounts.record_usage")
