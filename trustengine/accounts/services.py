"""What may happen to accounts, profiles and memberships. Locks: the user, or the profile; never both."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.http import HttpRequest

from trustengine.accounts.access import has_profile_access, require_good_standing
from trustengine.accounts.errors import AuthRequired, LastOwner, NotEnrolled, SecondFactorRequired
from trustengine.accounts.models import Membership, Profile, User
from trustengine.accounts.names import presentable
from trustengine.accounts.second_factor import check_code
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, NotFound, PermissionDenied
from trustengine.jobs.services import publish


def sign_in(request: HttpRequest, *, username: str, password: str, otp: str = "") -> User:
    """The account of this name and password, and of this code where it has a second factor, or needs one.

    Raises AuthRequired, the same for every reason; with the right password SecondFactorRequired
    and RateLimitExceeded. An unknown name costs the time of a known one. After too many failures
    django-axes refuses without looking, and its middleware replaces the answer.
    """
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        raise AuthRequired("No active account has this name and password.")
    if user.needs_second_factor:
        if not user.has_second_factor:
            raise NotEnrolled
        if not otp:
            raise SecondFactorRequired
        check_code(user, otp)
    user_logged_in.send(sender=User, request=request, user=user)  # forgets the failures, notes the time
    return user


@transaction.atomic
def suspend_user(user: User, *, actor: User | None, reason: str) -> User:
    """Bar a user from writing in the marketplace; they still read, and keep their rights to their data.

    Staff lose their staff rights with it, for good: reinstated, they are given them again by
    a superuser. People suspend by way of two: see ``trustengine.accounts.suspensions``.
    ``reason`` is a code. Idempotent. Raises PermissionDenied for oneself, and for staff
    unless a superuser does it.
    """
    if actor is not None and actor.pk == user.pk:
        raise PermissionDenied("You cannot suspend yourself.")
    user = _lock_user(user.pk)
    require_may_touch(user, actor)
    if user.is_suspended:
        return user
    _take_rights(user, actor)
    user.suspended_at = database_now()
    user.save(update_fields=["suspended_at"])
    record("user.suspended", user, actor=actor, after={"suspended_at": user.suspended_at}, reason=reason)
    publish("accounts.user_suspended", user_id=user.pk)
    return user


@transaction.atomic
def reinstate_user(user: User, *, actor: User | None, reason: str) -> User:
    """End a suspension; staff rights do not come back with it. ``reason`` is a code.

    Idempotent. Raises PermissionDenied for oneself, and for staff unless a superuser does it.
    """
    if actor is not None and actor.pk == user.pk:
        raise PermissionDenied("You cannot reinstate yourself.")
    user = _lock_user(user.pk)
    require_may_touch(user, actor)
    if not user.is_suspended:
        return user
    _take_rights(user, actor)  # who was suspended before suspensions took them
    before = {"suspended_at": user.suspended_at}
    user.suspended_at = None
    user.save(update_fields=["suspended_at"])
    record("user.reinstated", user, actor=actor, before=before, after={"suspended_at": None}, reason=reason)
    publish("accounts.user_reinstated", user_id=user.pk)
    return user


@transaction.atomic
def rename(user: User, display_name: str) -> Profile:
    """Change the name that a user's customer profile shows; updates ``user.customer_profile``.

    Raises AccountSuspended. The audit says that the name changed, not from what to what.
    """
    require_good_standing(user)
    profile = user.customer_profile
    profile.display_name = presentable(display_name)
    if (
        Profile.objects.filter(pk=profile.pk)
        .exclude(display_name=profile.display_name)
        .update(display_name=profile.display_name)
    ):
        record("profile.renamed", profile, actor=user)
    return profile


NOTICES = {"order_updates": "wants_order_updates", "review_invitations": "wants_review_invitations"}


@transaction.atomic
def choose_notices(user: User, **wanted: bool) -> User:
    """Which e-mails a user wants to get: ``order_updates``, ``review_invitations``. What is not named stays.

    Open to suspended users too: nobody has to be in good standing to be left alone.
    """
    locked = _lock_user(user.pk)
    before = {name: getattr(locked, NOTICES[name]) for name in wanted}
    changed = {name: choice for name, choice in wanted.items() if before[name] != choice}
    for name, choice in wanted.items():
        setattr(locked, NOTICES[name], choice)
        setattr(user, NOTICES[name], choice)
    if changed:
        locked.save(update_fields=[NOTICES[name] for name in changed])
        record(
            "user.notices_chosen", locked, actor=user, before={name: before[name] for name in changed}, after=changed
        )
    return locked


@transaction.atomic
def create_vendor(display_name: str, *, owner: User, actor: User | None) -> Profile:
    """A vendor profile with its first owner. Raises InvalidInput for a name that shows nothing."""
    name = presentable(display_name)
    if not name:
        raise InvalidInput(fields={"display_name": "A vendor needs a name."})
    profile = Profile.objects.create(kind=Profile.Kind.VENDOR, display_name=name)
    Membership.objects.create(user=owner, profile=profile, role=Membership.Role.OWNER)
    record("profile.created", profile, actor=actor, after={"kind": profile.kind, "owner_id": owner.pk})
    return profile


@transaction.atomic
def set_member(profile: Profile, user: User, role: str, *, actor: User | None) -> Membership:
    """Let a user act for a vendor in this role, whether or not they did in another one.

    For the profile's owners, staff with ``accounts.change_membership``, and the system
    (actor None). Raises NotFound, PermissionDenied, AccountSuspended, LastOwner, and
    InvalidInput for an unknown role or a customer profile, which is one person's.
    """
    profile = _lock_vendor(profile.pk)
    _require_owner(profile, actor)
    if role not in Membership.Role.values:
        raise InvalidInput(fields={"role": f"One of {', '.join(Membership.Role.values)}."})
    member = Membership.objects.filter(profile=profile, user=user).first()
    if member is None:
        member = Membership.objects.create(profile=profile, user=user, role=role)
        record("membership.added", profile, actor=actor, after={"user_id": user.pk, "role": role})
    elif member.role != role:
        _require_other_owner(member)
        before = {"user_id": user.pk, "role": member.role}
        member.role = role
        member.save(update_fields=["role"])
        record("membership.changed", profile, actor=actor, before=before, after={"user_id": user.pk, "role": role})
    return member


@transaction.atomic
def remove_member(profile: Profile, user: User, *, actor: User | None) -> None:
    """End a user's part in a vendor. Owners and staff remove anybody, everybody themselves. Idempotent.

    Raises NotFound, PermissionDenied, AccountSuspended, LastOwner.
    """
    profile = _lock_vendor(profile.pk)
    if actor is None or actor.pk != user.pk:
        _require_owner(profile, actor)
    member = Membership.objects.filter(profile=profile, user=user).first()
    if member is None:
        return
    _require_other_owner(member)
    before = {"user_id": user.pk, "role": member.role}
    member.delete()
    record("membership.removed", profile, actor=actor, before=before)


def is_staff_account(user: User) -> bool:
    """Whether an account has, or could use, rights of staff."""
    return user.is_staff or user.is_superuser or user.groups.exists() or user.user_permissions.exists()


def require_may_touch(user: User, actor: User | None) -> None:
    """Raise PermissionDenied where somebody else than a superuser would change, suspend or erase an account of staff.

    The system (actor None) is a rule or a command.
    """
    if actor is not None and not actor.acts_as_superuser and is_staff_account(user):
        raise PermissionDenied("Only superusers touch accounts of staff.")


def _take_rights(user: User, actor: User | None) -> None:
    """Take every right of staff from a locked user, with an entry that says which they were."""
    before = rights_of(user)
    user.is_staff = user.is_superuser = False
    user.save(update_fields=["is_staff", "is_superuser"])
    user.groups.clear()
    user.user_permissions.clear()
    after = rights_of(user)
    if changed := sorted(name for name in after if before[name] != after[name]):
        was, is_now = ({name: state[name] for name in changed} for state in (before, after))
        record("user.rights_taken", user, actor=actor, before=was, after=is_now)


def rights_of(user: User) -> dict[str, Any]:
    """What an account may do, as the audit keeps it: flags and the ids of groups and permissions."""
    return {
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "signs_in_by_provider": bool(user.staff_subject),
        "groups": _ids(user.groups.values_list("pk", flat=True)),
        "permissions": _ids(user.user_permissions.values_list("pk", flat=True)),
    }


def note_rights_changed(user: User, *, before: Mapping[str, Any] | None, actor: User) -> None:
    """Record an account that was just made (``before`` None) or whose rights were changed in this transaction."""
    after = rights_of(user)
    if before is None:
        record("user.created", user, actor=actor, after=after)
        return
    changed = {name for name in after if before[name] != after[name]}
    if changed:
        was, is_now = ({name: state[name] for name in sorted(changed)} for state in (before, after))
        record("user.rights_changed", user, actor=actor, before=was, after=is_now)


def _ids(keys: Iterable[int]) -> list[int]:
    return sorted(keys)


def _lock_user(user_id: UUID) -> User:
    user = User.objects.select_for_update(of=("self",), no_key=True).filter(pk=user_id).first()
    if user is None:
        raise NotFound
    return user


def _lock_vendor(profile_id: UUID) -> Profile:
    profile = Profile.objects.select_for_update(of=("self",), no_key=True).filter(pk=profile_id).first()
    if profile is None:
        raise NotFound
    if profile.kind != Profile.Kind.VENDOR:
        raise InvalidInput("A customer profile belongs to one person.")
    return profile


def _require_owner(profile: Profile, actor: User | None) -> None:
    if actor is None or actor.has_perm("accounts.change_membership"):
        return
    require_good_standing(actor)
    if not has_profile_access(actor, profile):
        raise NotFound
    if not has_profile_access(actor, profile, Membership.Role.OWNER):
        raise PermissionDenied


def _require_other_owner(member: Membership) -> None:
    """Before an owner stops being one. The profile's lock makes two of them take turns."""
    owners = Membership.objects.filter(profile=member.profile_id, role=Membership.Role.OWNER)
    if member.role == Membership.Role.OWNER and not owners.exclude(pk=member.pk).exists():
        raise LastOwner
