"""Profiles, as the console names them."""

from typing import Any

from django.utils.safestring import SafeString

from trustengine.accounts.models import Profile
from trustengine.admin.identities import SEE_IDENTITIES
from trustengine.admin.presentation import link_to


def profile_link(profile: Profile, viewer: Any) -> SafeString | str:
    """A profile as this viewer may know it: a customer's name is theirs, a vendor's is public."""
    may_know = profile.kind == Profile.Kind.VENDOR or viewer.has_perm(SEE_IDENTITIES)
    may_know = may_know or viewer.has_perm("accounts.view_profile")
    return link_to(profile, viewer, str(profile) if may_know else f"{profile.kind} {str(profile.pk)[-8:]}")
