from datetime import date
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from trustengine.accounts.arrivals import first_sight
from trustengine.accounts.models import Membership, Profile, User
from trustengine.accounts.tests.factories import UserFactory
from trustengine.accounts.tests.identity_provider import SECRET, outside_token
from trustengine.accounts.tokens import issue
from trustengine.audit.models import Entry
from trustengine.testing import api_client_for, at_once

ME = "/api/v1/me/"


@pytest.fixture(autouse=True)
def shared_secret(settings):
    settings.JWT_SECRET = SECRET


def arrive(**claims):
    return api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {outside_token(**claims)}")


@pytest.mark.django_db
def test_an_unseen_subject_becomes_a_user_with_a_customer_profile():
    answer = arrive(sub="new-here", name="Ada")

    user = User.objects.get(subject="new-here")
    assert not user.has_usable_password()
    assert user.username is None
    assert user.customer_profile.kind == Profile.Kind.CUSTOMER
    assert user.customer_profile.display_name == "Ada"
    assert Membership.objects.get(user=user).role == Membership.Role.OWNER
    assert answer.json()["id"] == str(user.pk)
    assert list(Entry.objects.order_by("id").values_list("verb", "object_id", "actor_kind")) == [
        ("user.first_seen", str(user.pk), "system"),
        ("profile.created", str(user.customer_profile.pk), "system"),
    ]


@pytest.mark.django_db(transaction=True)
def test_eight_first_requests_at_once_make_one_user_and_one_profile():
    answers = at_once(*[partial(arrive, sub="new-here")] * 8)

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (User.objects.count(), Profile.objects.count(), Membership.objects.count()) == (1, 1, 1)
    assert Entry.objects.filter(verb="user.first_seen").count() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_first_requests_of_an_imported_user_make_one_profile():
    User.objects.create(subject="imported")

    users = at_once(*[partial(first_sight, "imported")] * 8)

    assert len(set(users)) == 1
    assert (Profile.objects.count(), Membership.objects.count()) == (1, 1)
    assert not Entry.objects.filter(verb="user.first_seen").exists()


@pytest.mark.django_db
def test_a_user_made_in_the_admin_site_gets_a_customer_profile_on_first_use():
    user = User.objects.create_user("staff", password="a long password")

    api_client_for(user).get(ME)

    assert Profile.objects.get(user=user).kind == Profile.Kind.CUSTOMER


@pytest.mark.django_db
@pytest.mark.parametrize(
    "spelling",
    [
        "018f4e9c-7b1a-7cc2-9d3e-0123456789ab",
        "018F4E9C-7B1A-7CC2-9D3E-0123456789AB",
        "018f4e9c7b1a7cc29d3e0123456789ab",
        "{018f4e9c-7b1a-7cc2-9d3e-0123456789ab}",
        "urn:uuid:018f4e9c-7b1a-7cc2-9d3e-0123456789ab",
    ],
)
def test_every_usual_spelling_of_a_uuid_is_the_same_person(spelling):
    user = UserFactory(subject="018f4e9c-7b1a-7cc2-9d3e-0123456789ab")

    assert arrive(sub=spelling).json()["id"] == str(user.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "lookalike",
    [
        "٠18f4e9c-7b1a-7cc2-9d3e-0123456789ab",
        "+18f4e9c7b1a7cc29d3e0123456789ab",
        "0_8f4e9c7b1a7cc29d3e0123456789ab",
        "0-18f4e9c7b1a7cc29d3e0123456789ab",
        "018f4e9c-7b1a-7cc2-9d3e-0123456789ab\n",
    ],
)
def test_what_only_looks_like_a_uuid_is_somebody_else(lookalike):
    user = UserFactory(subject="018f4e9c-7b1a-7cc2-9d3e-0123456789ab")

    assert arrive(sub=lookalike).json()["id"] != str(user.pk)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("claim", "name"),
    [
        ("  Ada \n\t Lovelace ", "Ada Lovelace"),
        ("Ada\0\x1b[31m", "Ada[31m"),
        ("\u202eadA", "adA"),
        ("half \ud83d", "half"),
        ("x" * 500, "x" * 120),
        (["Ada"], ""),
        (None, ""),
        (7, ""),
    ],
)
def test_a_name_is_taken_over_as_one_clean_line(claim, name):
    assert arrive(sub="new-here", name=claim).json()["display_name"] == name


@pytest.mark.django_db
def test_a_name_is_taken_over_once_and_then_the_users_own():
    arrive(sub="new-here", name="Ada")

    assert arrive(sub="new-here", name="Grace").json()["display_name"] == "Ada"


@pytest.mark.django_db
def test_a_birthdate_is_followed_and_written_only_when_it_changes():
    user = UserFactory()
    this_year = timezone.localdate().year
    arrive(sub=user.subject, birthdate=f"{this_year - 5}-03-01")
    user.refresh_from_db()
    assert user.of_age_on == date(this_year + 8, 3, 1)
    assert user.is_under_age

    with CaptureQueriesContext(
        connection,
    ) as queries:
        arrive(sub=user.subject, birthdate=f"{this_year - 5}-03-01")
        arrive(sub=user.subject)
        arrive(sub=user.subject, birthdate="yesterday")
    assert len(queries) == 3

    arrive(sub=user.subject, birthdate="1990")
    user.refresh_from_db()
    assert user.of_age_on == date(2003, 12, 31)
    assert not user.is_under_age
    assert Entry.objects.filter(verb="user.age_learnt", object_id=str(user.pk)).count() == 2
    assert not any("of_age" in str(entry.after) for entry in Entry.objects.all())


@pytest.mark.django_db
def test_nobody_new_is_taken_in_while_the_service_is_read_only(settings):
    known = UserFactory()
    settings.READ_ONLY = True

    answer = arrive(sub="new-here")

    assert (answer.status_code, answer.json()["code"]) == (503, "READ_ONLY_MODE")
    assert arrive(sub=known.subject, birthdate="1990").status_code == 200
    assert api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {issue(known).access}").status_code == 200
    assert User.objects.get() == known
