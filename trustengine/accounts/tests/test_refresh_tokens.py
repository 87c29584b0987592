"""Refresh tokens rotate, are good once, and end with what they came from."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone
from rest_framework_simplejwt.tokens import RefreshToken

from trustengine.accounts.models import RefreshFamily
from trustengine.accounts.refresh_tokens import prune_refresh_families
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.accounts.tests.identity_provider import SECRET, outside_token
from trustengine.accounts.tokens import issue
from trustengine.audit.models import Entry
from trustengine.testing import api_client_for, at_once

pytestmark = pytest.mark.django_db

REFRESH, REVOKE, EVERYWHERE = (
    f"/api/v1/auth/{end}/" for end in ("token/refresh", "token/revoke", "sign-out-everywhere")
)
ME = "/api/v1/me/"


@pytest.fixture
def user():
    return UserFactory()


def refresh(token):
    return api_client_for().post(REFRESH, {"refresh": token})


def is_good(access):
    return api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 200


def is_refused(answer):
    return (answer.status_code, answer.json()["code"]) == (401, "TOKEN_INVALID")


def test_each_refresh_gives_a_fresh_pair(user):
    seen = [issue(user).refresh]
    for _ in range(3):
        answer = refresh(seen[-1])
        assert answer.status_code == 200
        assert is_good(answer.json()["access"])
        assert answer.json()["refresh"] not in seen
        seen.append(answer.json()["refresh"])

    assert RefreshFamily.objects.count() == 1


def test_a_used_token_is_refused_and_ends_its_sign_in(user):
    first = issue(user).refresh
    second = refresh(first).json()
    other = issue(user)

    assert is_refused(refresh(first))

    assert is_refused(refresh(second["refresh"]))
    assert not is_good(second["access"])
    assert is_good(other.access)
    assert refresh(other.refresh).status_code == 200
    entry = Entry.objects.get(verb="user.refresh_tokens_revoked")
    assert (entry.object_id, entry.reason) == (str(user.pk), "reused")


def test_an_older_token_of_a_longer_chain_ends_it_too(user):
    first = issue(user).refresh
    newest = refresh(refresh(first).json()["refresh"]).json()["refresh"]

    assert is_refused(refresh(first))
    assert is_refused(refresh(newest))


@pytest.mark.django_db(transaction=True)
def test_a_token_that_is_used_twice_at_once_is_good_once():
    user = UserFactory()
    token = issue(user).refresh

    answers = at_once(*[partial(refresh, token)] * 4)

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    fresh = next(answer.json()["refresh"] for answer in answers if answer.status_code == 200)
    assert is_refused(refresh(fresh))  # nobody can say who of them is the thief


def test_tokens_of_the_release_before_are_still_good_once(user):
    old = RefreshToken.for_user(user)

    answer = refresh(str(old))

    assert answer.status_code == 200
    assert is_refused(refresh(str(old)))


def test_a_refresh_token_can_be_revoked_with_all_of_its_sign_in(user):
    pair, other = issue(user), issue(user)

    assert api_client_for().post(REVOKE, {"refresh": pair.refresh}).status_code == 204
    assert api_client_for().post(REVOKE, {"refresh": pair.refresh}).status_code == 204

    assert is_refused(refresh(pair.refresh))
    assert not is_good(pair.access)
    assert is_good(other.access)
    assert Entry.objects.get(verb="user.refresh_tokens_revoked").reason == "signed_out"


@pytest.mark.parametrize("token", ["x", "..", "é", "outside", "access"])
def test_revoking_what_is_no_refresh_token_ends_nothing(user, settings, token):
    settings.JWT_SECRET = SECRET
    pair = issue(user)
    given = {"outside": outside_token(), "access": pair.access}.get(token, token)

    assert api_client_for().post(REVOKE, {"refresh": given}).status_code == 204
    assert is_good(pair.access)
    assert api_client_for().post(REVOKE, {}).status_code == 400


def test_signing_out_everywhere_ends_own_tokens_and_sessions(user, client, settings):
    settings.JWT_SECRET = SECRET
    staff = StaffFactory()
    pair, other = issue(staff), issue(user)
    client.force_login(staff)
    assert client.get("/admin/").status_code == 200

    answer = api_client_for().post(EVERYWHERE, HTTP_AUTHORIZATION=f"Bearer {pair.access}")

    assert answer.status_code == 204
    assert not is_good(pair.access)
    assert is_refused(refresh(pair.refresh))
    assert client.get("/admin/").status_code == 302
    assert is_good(other.access)
    assert is_good(outside_token(sub=staff.subject))  # ends at the identity provider
    staff.refresh_from_db()
    assert is_good(issue(staff).access)
    assert Entry.objects.filter(verb="user.signed_out_everywhere", actor_id=staff.pk).count() == 1


def test_signing_out_everywhere_needs_to_know_whom():
    assert api_client_for().post(EVERYWHERE).status_code == 401


def test_a_known_user_costs_one_query(user, django_assert_num_queries):
    access = refresh(issue(user).refresh).json()["access"]

    with django_assert_num_queries(1):
        assert is_good(access)


def test_families_go_when_their_last_token_has_expired(user):
    refresh(issue(user).refresh)
    refresh(issue(user).refresh)
    gone = RefreshFamily.objects.first()
    RefreshFamily.objects.filter(pk=gone.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert prune_refresh_families() == 1
    assert RefreshFamily.objects.count() == 1
