import pytest
from django.utils import timezone

from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory, VendorFactory
from trustengine.audit.models import Entry
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

ME, PROFILES = "/api/v1/me/", "/api/v1/me/profiles/"


def test_me_is_who_the_token_says():
    user = UserFactory(email="ada@example.org", display_name="Ada")

    assert api_client_for(user).get(ME).json() == {
        "id": str(user.pk),
        "subject": user.subject,
        "email": "ada@example.org",
        "display_name": "Ada",
        "profile": str(user.customer_profile.pk),
        "is_suspended": False,
        "notices": {"order_updates": True, "review_invitations": True},
    }


def test_the_display_name_can_be_changed():
    user = UserFactory(display_name="Ada")

    answer = api_client_for(user).patch(ME, {"display_name": "  Ada   Lovelace ", "subject": "somebody else"})

    assert answer.status_code == 200
    assert answer.json()["display_name"] == "Ada Lovelace"
    assert answer.json()["subject"] == user.subject
    user.customer_profile.refresh_from_db()
    assert user.customer_profile.display_name == "Ada Lovelace"
    entry = Entry.objects.get(verb="profile.renamed")
    assert entry.actor_id == user.pk
    assert "Ada" not in str([entry.before, entry.after])  # the audit outlives erasure, so it holds no names


@pytest.mark.parametrize("body", [{}, {"display_name": "Ada"}, {"unknown": 1}])
def test_a_change_that_changes_nothing_leaves_no_trace(body):
    user = UserFactory(display_name="Ada")

    assert api_client_for(user).patch(ME, body).status_code == 200
    assert not Entry.objects.exists()


@pytest.mark.parametrize("name", [None, 5.5, ["x"], {}, True, "x" * 121, "a\0b", "two\nlines", "\u202eadA"])
def test_a_name_that_is_none_is_invalid_input(name):
    answer = api_client_for(UserFactory()).patch(ME, {"display_name": name})

    if name == 5.5:  # DRF takes a number for its digits
        assert answer.json()["display_name"] == "5.5"
        return
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert answer.json()["errors"][0]["field"] == "display_name"


def test_a_suspended_user_reads_but_does_not_write():
    user = UserFactory(suspended_at=timezone.now())

    assert api_client_for(user).get(ME).json()["is_suspended"] is True
    answer = api_client_for(user).patch(ME, {"display_name": "Eve"})
    assert (answer.status_code, answer.json()["code"]) == (403, "ACCOUNT_SUSPENDED")


def test_my_profiles_are_those_i_may_act_for():
    user = UserFactory(display_name="Ada")
    vendor = VendorFactory(display_name="Ada's shop", owner=user)
    MembershipFactory(profile=vendor)
    other = MembershipFactory(user=user, role=Membership.Role.VIEWER).profile
    VendorFactory(owner=UserFactory())

    answer = api_client_for(user).get(PROFILES).json()

    mine = user.customer_profile
    assert answer == {
        "next": None,
        "previous": None,
        "results": [
            {"id": str(mine.pk), "kind": "customer", "display_name": "Ada", "role": "owner"},
            {"id": str(vendor.pk), "kind": "vendor", "display_name": "Ada's shop", "role": "owner"},
            {"id": str(other.pk), "kind": "vendor", "display_name": other.display_name, "role": "viewer"},
        ],
    }


def test_my_profiles_cost_the_same_for_one_and_for_many(django_assert_num_queries):
    user = UserFactory()
    client = api_client_for(user)

    with django_assert_num_queries(2):
        client.get(PROFILES)
    MembershipFactory.create_batch(10, user=user)
    with django_assert_num_queries(2):
        assert len(client.get(PROFILES).json()["results"]) == 11


@pytest.mark.parametrize("path", [ME, PROFILES])
def test_strangers_are_asked_to_sign_in(path):
    answer = api_client_for().get(path)

    assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_REQUIRED")
