"""What decides what a user may do: an answer that was stored is not replayed blindly once it has changed."""

from typing import Any

from trustengine.accounts.models import Membership
from trustengine.api.standing import caller_standing


@caller_standing
def rights_and_memberships(user: Any) -> Any:
    """Return whether they are suspended, their permissions, and for which profiles they act in which role."""
    memberships = Membership.objects.filter(user=user.pk).order_by("profile").values_list("profile", "role")
    return [user.is_active, user.is_suspended, sorted(user.get_all_permissions()), list(memberships)]
