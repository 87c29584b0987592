import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from trustengine.accounts.models import Membership, Profile, User
from trustengine.accounts.tests.factories import UserFactory, VendorFactory

pytestmark = pytest.mark.django_db


def test_an_account_made_here_is_its_own_subject():
    user = User.objects.create_user("ada", password="a long password")

    assert user.subject == str(user.pk)
    assert user.pk.version == 7


def test_staff_are_made_as_with_django_s_own_manager():
    boss = User.objects.create_superuser("boss", "boss@EXAMPLE.com", "a long password")

    assert (boss.email, boss.is_superuser, boss.check_password("a long password")) == ("boss@example.com", True, True)
    assert User.objects.create_user("ada").email == ""


@pytest.mark.parametrize("arguments", [[], ["--email", "boss@example.com"]])
def test_the_first_superuser_may_be_made_with_an_address_or_without(monkeypatch, arguments):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a long password")

    call_command("createsuperuser", "--noinput", "--username", "boss", *arguments, verbosity=0)

    boss = User.objects.get(username="boss")
    assert (boss.email, boss.is_superuser) == ("".join(arguments[1:]), True)


@pytest.mark.parametrize("arguments", [["--email", "boss@example.com"], ["--username", "boss", "--email", "nowhere"]])
def test_an_address_that_cannot_be_used_makes_nobody(arguments):
    with pytest.raises(CommandError):
        call_command("createsuperuser", "--noinput", *arguments, verbosity=0)

    assert not User.objects.exists()


def test_a_user_with_a_deferred_subject_is_read_in_one_query(django_assert_num_queries):
    users = UserFactory.create_batch(3)

    with django_assert_num_queries(1):
        assert set(User.objects.only("username")) == set(users)


def test_a_subject_belongs_to_one_user():
    UserFactory(subject="ada")

    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(subject="ada")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(subject="eve"), User(subject="eve")])


def test_a_customer_profile_has_its_user_and_a_vendor_none():
    user = UserFactory()

    for wrong in [{"kind": "customer"}, {"kind": "vendor", "user": User.objects.create()}]:
        with pytest.raises(IntegrityError), transaction.atomic():
            Profile.objects.create(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        Profile.objects.create(kind="customer", user=user)  # a second one


def test_a_user_is_member_of_a_profile_once():
    user = UserFactory()
    vendor = VendorFactory(owner=user)

    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=user, profile=vendor, role="viewer")


def test_profiles_of_a_user_can_be_had_by_role():
    user = UserFactory()
    vendor = VendorFactory(owner=user)
    VendorFactory()

    assert set(Profile.objects.of(user)) == {vendor, user.customer_profile}
    assert list(Profile.objects.vendors().of(user, "owner")) == [vendor]
    assert not Profile.objects.of(user, "viewer").exists()
