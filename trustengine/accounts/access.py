"""Who may act: for a profile, as a member of the marketplace, at their age."""

from uuid import UUID

from trustengine.accounts.models import Membership, Profile, User
from trustengine.errors import AccountSuspended, AgeRestricted

RANKS = {
    Membership.Role.VIEWER: 0,
    Membership.Role.MANAGER: 1,
    Membership.Role.OWNER: 2,
}


def has_profile_access(user: User, profile: Profile | UUID, role: str = Membership.Role.VIEWER) -> bool:
    """Whether a user may act for a profile in this role or a higher one: viewer < manager < owner.

    Suspended and inactive users may not, and staff rights count for nothing here.
    """
    if not user.is_active or user.is_suspended:
        return False
    enough = [name for name, rank in RANKS.items() if rank >= RANKS[Membership.Role(role)]]
    profile_id = profile.pk if isinstance(profile, Profile) else profile
    return Membership.objects.filter(user=user, profile_id=profile_id, role__in=enough).exists()


def is_member(user: User, profile: Profile | UUID) -> bool:
    """Whether a user belongs to a profile at all, in good standing or not: for conflicts of interest."""
    profile_id = profile.pk if isinstance(profile, Profile) else profile
    return Membership.objects.filter(user=user, profile_id=profile_id).exists()


def require_good_standing(user: User) -> None:
    """Raise AccountSuspended for those who may not take part at present.

    Every service that writes as a member of the marketplace asks this first. Suspended
    users still read, and see, export and erase what is their own.
    """
    if user.is_suspended:
        raise AccountSuspended


def require_age(user: User) -> None:
    """Raise AgeRestricted for those known to be under the minimum age."""
    if user.is_under_age:
        raise AgeRestricted
