import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils import timezone

from trustengine.accounts.models import Membership, Profile, SuspensionProposal, User
from trustengine.accounts.tests.factories import MembershipFactory, StaffFactory, UserFactory, VendorFactory
from trustengine.audit.models import Entry

pytestmark = pytest.mark.django_db

USERS = reverse("admin:accounts_user_changelist")


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def superuser():
    return StaffFactory(is_superuser=True)


@pytest.fixture
def senior():
    return StaffFactory(groups=["Senior moderators"])


@pytest.fixture
def operator():
    return StaffFactory(groups=["Operators"])


def page_of(user):
    return reverse("admin:accounts_user_change", args=[user.pk])


def act(client, name, *users):
    return client.post(USERS, {"action": name, "_selected_action": [user.pk for user in users]}, follow=True)


@pytest.mark.parametrize("noun", ["user", "profile", "membership"])
def test_lists_and_pages_open_and_cost_the_same_for_many_rows(noun, client, superuser, django_assert_max_num_queries):
    client.force_login(superuser)
    MembershipFactory.create_batch(8)
    row = {"user": User, "profile": Profile, "membership": Membership}[noun].objects.first()

    with django_assert_max_num_queries(12):
        listing = client.get(reverse(f"admin:accounts_{noun}_changelist"), {"q": "a"})
    assert listing.status_code == 200
    assert client.get(reverse(f"admin:accounts_{noun}_changelist"), {"q": str(row.pk)}).status_code == 200
    assert client.get(reverse(f"admin:accounts_{noun}_change", args=[row.pk])).status_code == 200


def test_identities_are_shown_to_those_who_may_see_them(client, senior):
    user = UserFactory(subject="sub-of-ada", email="ada@example.org")
    client.force_login(senior)

    for address in [USERS, page_of(user), f"{USERS}?q=ada@example.org", f"{USERS}?q=sub-of-ada"]:
        assert "sub-of-ada" in client.get(address).content.decode()


def test_identities_are_neither_shown_nor_found_by_others(client, operator):
    user = UserFactory(subject="sub-of-ada", email="ada@example.org")
    client.force_login(operator)

    for address in [USERS, page_of(user)]:
        page = client.get(address).content.decode()
        assert str(user.pk)[-8:] in page
        assert "sub-of-ada" not in page
        assert "ada@example.org" not in page
    assert str(user.pk)[-8:] not in client.get(USERS, {"q": "ada@example"}).content.decode()
    assert str(user.pk)[-8:] in client.get(USERS, {"q": str(user.pk)}).content.decode()


def test_others_have_no_such_action(client, operator):
    user = UserFactory()
    client.force_login(operator)

    act(client, "suspend", user)

    assert not SuspensionProposal.objects.exists()


@pytest.mark.parametrize("noun", ["profile", "membership"])
def test_profiles_and_memberships_are_evidence(noun, client, superuser):
    client.force_login(superuser)
    member = MembershipFactory(profile=VendorFactory(display_name="Before"))
    row = member if noun == "membership" else member.profile

    page = reverse(f"admin:accounts_{noun}_change", args=[row.pk])
    assert client.post(page, {"display_name": "After", "role": "owner"}).status_code == 403
    assert client.get(reverse(f"admin:accounts_{noun}_add")).status_code == 403
    assert client.post(reverse(f"admin:accounts_{noun}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


# Accounts of staff


def form_of(user, **changes):
    fields = {"username": user.username, "email": user.email, "is_active": "on" if user.is_active else ""}
    fields |= {"is_staff": "on" if user.is_staff else "", "is_superuser": "on" if user.is_superuser else ""}
    fields |= {"groups": [group.pk for group in user.groups.all()]}
    return {name: value for name, value in (fields | changes).items() if value not in ("", None)}


def test_a_superuser_makes_an_account_of_staff(client, superuser):
    client.force_login(superuser)
    moderators = Group.objects.get(name="Moderators")
    given = {"username": "mo", "is_staff": "on", "groups": [moderators.pk], "usable_password": "true"}

    answer = client.post(
        reverse("admin:accounts_user_add"), given | {"password1": "a long password", "password2": "a long password"}
    )

    assert answer.status_code == 302
    made = User.objects.get(username="mo")
    assert made.check_password("a long password")
    assert made.has_perm("reviews.moderate_review")
    assert made.subject == str(made.pk)
    entry = Entry.objects.get(verb="user.created")
    assert (entry.actor_id, entry.after["groups"], entry.after["is_staff"]) == (superuser.pk, [moderators.pk], True)


def test_a_change_of_rights_is_recorded_with_what_was_before(client, superuser):
    client.force_login(superuser)
    user = StaffFactory(groups=["Moderators"])
    finance = Group.objects.get(name="Finance")

    answer = client.post(page_of(user), form_of(user, groups=[finance.pk]))

    assert answer.status_code == 302
    entry = Entry.objects.get(verb="user.rights_changed")
    assert entry.before == {"groups": [Group.objects.get(name="Moderators").pk]}
    assert entry.after == {"groups": [finance.pk]}


@pytest.mark.parametrize("typed", ["", " "])
def test_people_without_a_user_name_are_changed_and_added(typed, client, superuser):
    client.force_login(superuser)
    nameless = UserFactory(username=None)
    others = set(User.objects.values_list("pk", flat=True))
    new = {"username": typed, "password1": "gfd8sgh4s!x", "password2": "gfd8sgh4s!x", "usable_password": "true"}

    changed = client.post(page_of(nameless), form_of(nameless, username=typed, staff_subject="grace", is_staff="on"))
    added = client.post(reverse("admin:accounts_user_add"), new)

    assert (changed.status_code, added.status_code) == (302, 302)
    nameless.refresh_from_db()
    assert (nameless.username, nameless.staff_subject, nameless.is_staff) == (None, "grace", True)
    assert User.objects.exclude(pk__in=others).get().username is None


def test_nobody_changes_their_own_rights(client, superuser):
    client.force_login(superuser)
    finance = Group.objects.get(name="Finance")

    client.post(page_of(superuser), form_of(superuser, groups=[finance.pk], is_superuser="", is_active=""))

    superuser.refresh_from_db()
    assert (superuser.is_superuser, superuser.is_active, superuser.groups.count()) == (True, True, 0)


def test_who_is_suspended_is_given_no_rights(client, superuser):
    client.force_login(superuser)
    user = UserFactory(username="ada", suspended_at=timezone.now())

    client.post(page_of(user), form_of(user, is_staff="on", is_superuser="on"))

    user.refresh_from_db()
    assert not (user.is_staff)
    assert not (user.is_superuser)


def test_a_form_saved_unchanged_records_nothing(client, superuser):
    client.force_login(superuser)
    user = StaffFactory()

    assert client.post(page_of(user), form_of(user)).status_code == 302
    assert not Entry.objects.exists()


def test_the_form_writes_neither_subject_nor_suspension(client, superuser):
    client.force_login(superuser)
    user = StaffFactory(suspended_at=timezone.now())
    subject = user.subject

    client.post(page_of(user), form_of(user, subject="forged", suspended_at_0="", suspended_at_1=""))

    user.refresh_from_db()
    assert (user.subject, user.is_suspended) == (subject, True)


def test_a_superuser_sets_a_password_and_that_is_recorded(client, superuser):
    client.force_login(superuser)
    user = StaffFactory()
    page = reverse("admin:auth_user_password_change", args=[user.pk])

    assert client.get(page).status_code == 200
    client.post(page, {"password1": "short", "password2": "short", "usable_password": "true", "set-password": "1"})
    assert not Entry.objects.exists()
    new = {"password1": "another long one", "password2": "another long one"}
    answer = client.post(page, new | {"usable_password": "true", "set-password": "1"})

    assert answer.status_code == 302
    user.refresh_from_db()
    assert user.check_password("another long one")
    assert Entry.objects.get().verb == "user.password_set"


def test_nobody_else_makes_accounts_gives_rights_or_sets_passwords(client):
    helper = StaffFactory(
        permissions=["accounts.add_user", "accounts.change_user", "accounts.delete_user", "auth.change_group"]
    )
    user = StaffFactory()
    client.force_login(helper)

    pages = [reverse("admin:accounts_user_add"), page_of(user), page_of(helper)]
    pages += [reverse("admin:auth_user_password_change", args=[user.pk])]
    pages += [reverse("admin:auth_group_change", args=[Group.objects.get(name="Moderators").pk])]
    for page in pages:
        assert client.post(page, form_of(user, is_superuser="on")).status_code == 403
    assert not User.objects.filter(is_superuser=True).exists()


def test_a_change_of_a_group_is_recorded(client, superuser):
    client.force_login(superuser)
    finance = Group.objects.get(name="Finance")
    extra = Permission.objects.get(codename="view_user")
    before = sorted(finance.permissions.values_list("pk", flat=True))

    answer = client.post(
        reverse("admin:auth_group_change", args=[finance.pk]), {"name": "Finance", "permissions": [*before, extra.pk]}
    )

    assert answer.status_code == 302
    entry = Entry.objects.get(verb="group.changed")
    assert entry.before == {"permissions": before}
    assert entry.after == {"permissions": sorted([*before, extra.pk])}


def test_users_are_never_deleted_here(client, superuser):
    client.force_login(superuser)
    user = UserFactory()

    assert client.post(reverse("admin:accounts_user_delete", args=[user.pk]), {"post": "yes"}).status_code == 403
