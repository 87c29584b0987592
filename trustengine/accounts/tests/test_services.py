from functools import partial
from uuid import UUID

import pytest
from django.utils import timezone

from trustengine.accounts.access import has_profile_access, is_member, require_age, require_good_standing
from trustengine.accounts.errors import LastOwner
from trustengine.accounts.models import Membership, Profile
from trustengine.accounts.services import create_vendor, reinstate_user, remove_member, set_member, suspend_user
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory, VendorFactory
from trustengine.audit.models import Entry
from trustengine.errors import AccountSuspended, AgeRestricted, InvalidInput, NotFound, PermissionDenied
from trustengine.jobs import registry
from trustengine.jobs.models import Job
from trustengine.testing import at_once

pytestmark = pytest.mark.django_db

OWNER, MANAGER, VIEWER = Membership.Role.OWNER, Membership.Role.MANAGER, Membership.Role.VIEWER


def verbs():
    return list(Entry.objects.order_by("id").values_list("verb", flat=True))


# Suspension


def test_a_suspension_is_recorded_and_announced(monkeypatch):
    monkeypatch.setattr(registry, "_subscriptions", dict(registry._subscriptions))

    @registry.job()
    def heard(user_id):
        pass

    monkeypatch.setitem(
        registry._subscriptions,
        "accounts.user_suspended",
        [registry.Subscription(registry.handler_of(heard), None)],
    )
    user, moderator = UserFactory(), UserFactory()

    suspended = suspend_user(user, actor=moderator, reason="fake_reviews")

    assert suspended.is_suspended
    entry = Entry.objects.get()
    assert (entry.verb, entry.object_id, entry.actor_id) == ("user.suspended", str(user.pk), moderator.pk)
    assert entry.reason == "fake_reviews"
    assert Job.objects.get(kind=registry.handler_of(heard).kind).args == {"user_id": str(user.pk)}


def test_suspending_and_reinstating_twice_changes_nothing_more():
    user = UserFactory()
    first = suspend_user(user, actor=None, reason="policy")
    second = suspend_user(user, actor=None, reason="policy")
    assert first.suspended_at == second.suspended_at

    reinstate_user(user, actor=None, reason="appeal")
    assert not reinstate_user(user, actor=None, reason="appeal").is_suspended
    assert verbs() == ["user.suspended", "user.reinstated"]


@pytest.mark.parametrize("service", [suspend_user, reinstate_user])
def test_nobody_decides_about_their_own_suspension(service):
    user = UserFactory()

    with pytest.raises(PermissionDenied):
        service(user, actor=user, reason="staff_action")


def test_good_standing_and_age_are_required_by_name():
    require_good_standing(UserFactory.build())
    require_age(UserFactory.build(of_age_on=timezone.localdate()))
    with pytest.raises(AccountSuspended):
        require_good_standing(UserFactory.build(suspended_at=timezone.now()))
    with pytest.raises(AgeRestricted):
        require_age(UserFactory.build(of_age_on=timezone.localdate() + timezone.timedelta(days=1)))


# Access


@pytest.mark.parametrize(
    ("role", "reaches"), [(VIEWER, [VIEWER]), (MANAGER, [VIEWER, MANAGER]), (OWNER, [VIEWER, MANAGER, OWNER])]
)
def test_a_role_includes_the_lesser_ones(role, reaches):
    member = MembershipFactory(role=role)

    allowed = [wanted for wanted in Membership.Role.values if has_profile_access(member.user, member.profile, wanted)]

    assert sorted(allowed) == sorted(reaches)
    assert has_profile_access(member.user, member.profile.pk, VIEWER)


@pytest.mark.parametrize("state", [{"is_active": False}, {"suspended_at": timezone.now()}])
def test_who_is_out_of_standing_has_no_access_but_stays_a_member(state):
    member = MembershipFactory(role=OWNER, user=UserFactory(**state))

    assert not has_profile_access(member.user, member.profile)
    assert is_member(member.user, member.profile)


def test_staff_have_no_access_by_being_staff():
    assert not has_profile_access(UserFactory(is_superuser=True), VendorFactory())


def test_a_user_id_is_no_profile_id():
    user = UserFactory()

    assert has_profile_access(user, user.customer_profile)
    assert not has_profile_access(user, UUID(str(user.pk)))


# Vendors and members


def test_a_vendor_begins_with_an_owner():
    owner, operator = UserFactory(), UserFactory()

    vendor = create_vendor("  Ada's \n shop ", owner=owner, actor=operator)

    assert (vendor.kind, vendor.display_name, vendor.user) == (Profile.Kind.VENDOR, "Ada's shop", None)
    assert has_profile_access(owner, vendor, OWNER)
    assert not is_member(operator, vendor)
    entry = Entry.objects.get()
    assert entry.after == {"kind": "vendor", "owner_id": str(owner.pk)}


@pytest.mark.parametrize("name", ["", "  ", "\0", "\u202e", "\u200b", "\u00ad \u2060"])
def test_a_vendor_needs_a_name_that_shows(name):
    with pytest.raises(InvalidInput):
        create_vendor(name, owner=UserFactory(), actor=None)


def test_an_owner_adds_changes_and_removes_members():
    owner, user = UserFactory(), UserFactory()
    vendor = VendorFactory(owner=owner)

    set_member(vendor, user, VIEWER, actor=owner)
    set_member(vendor, user, MANAGER, actor=owner)
    set_member(vendor, user, MANAGER, actor=owner)
    assert has_profile_access(user, vendor, MANAGER)
    remove_member(vendor, user, actor=owner)
    remove_member(vendor, user, actor=owner)

    assert not is_member(user, vendor)
    assert verbs() == ["membership.added", "membership.changed", "membership.removed"]
    assert Entry.objects.get(verb="membership.changed").before == {"user_id": str(user.pk), "role": "viewer"}


@pytest.mark.parametrize(("role", "error"), [(None, NotFound), (VIEWER, PermissionDenied), (MANAGER, PermissionDenied)])
def test_others_than_owners_change_no_members(role, error):
    vendor, actor = VendorFactory(owner=UserFactory()), UserFactory()
    if role:
        MembershipFactory(profile=vendor, user=actor, role=role)

    with pytest.raises(error):
        set_member(vendor, actor, OWNER, actor=actor)
    with pytest.raises(error):
        remove_member(vendor, vendor.members.exclude(pk=actor.pk).get(), actor=actor)


def test_a_suspended_owner_changes_no_members():
    owner = UserFactory(suspended_at=timezone.now())

    with pytest.raises(AccountSuspended):
        set_member(VendorFactory(owner=owner), UserFactory(), VIEWER, actor=owner)


def test_staff_with_the_permission_change_members_but_not_by_an_outside_token():
    vendor, user = VendorFactory(), UserFactory()
    staff = UserFactory(permissions=["accounts.change_membership"])
    set_member(vendor, user, OWNER, actor=staff)
    staff.has_staff_rights = False

    with pytest.raises(NotFound):
        set_member(vendor, user, OWNER, actor=staff)


def test_everybody_may_leave():
    vendor = VendorFactory(owner=UserFactory())
    member = MembershipFactory(profile=vendor)

    remove_member(vendor, member.user, actor=member.user)

    assert not is_member(member.user, vendor)


def test_the_last_owner_stays_owner():
    owner = UserFactory()
    vendor = VendorFactory(owner=owner)

    with pytest.raises(LastOwner):
        remove_member(vendor, owner, actor=owner)
    with pytest.raises(LastOwner):
        set_member(vendor, owner, MANAGER, actor=None)

    set_member(vendor, UserFactory(), OWNER, actor=owner)
    remove_member(vendor, owner, actor=owner)


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_once_do_not_leave_the_vendor_without_one():
    first, second = UserFactory(), UserFactory()
    vendor = VendorFactory(owner=first)
    MembershipFactory(profile=vendor, user=second, role=OWNER)

    outcomes = at_once(*[partial(remove_member, vendor, user, actor=user) for user in (first, second)])

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastOwner", "NoneType"]
    assert vendor.memberships.filter(role=OWNER).count() == 1


def test_a_customer_profile_is_one_persons():
    user = UserFactory()

    with pytest.raises(InvalidInput):
        set_member(user.customer_profile, UserFactory(), VIEWER, actor=user)
    with pytest.raises(InvalidInput):
        remove_member(user.customer_profile, user, actor=user)


def test_an_unknown_role_is_invalid_input():
    with pytest.raises(InvalidInput):
        set_member(VendorFactory(), UserFactory(), "emperor", actor=None)


def test_a_profile_that_is_gone_is_not_found():
    vendor = VendorFactory()
    Profile.objects.filter(pk=vendor.pk).delete()

    with pytest.raises(NotFound):
        set_member(vendor, UserFactory(), VIEWER, actor=None)
