"""Who may use the moderators' side."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from reports.services.claiming import PERMISSION
from trustengine.accounts.models import User


class IsModerator(BasePermission):
    """Staff who may decide on cases."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and request.user.has_perm(PERMISSION)
