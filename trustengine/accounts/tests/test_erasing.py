"""Asking for erasure: who may, what closes at once, who comes back, and what happens when a step fails."""

import time
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from trustengine.accounts import erasing, tombstones
from trustengine.accounts.erasing import advance, look_again, request_erasure
from trustengine.accounts.errors import ErasureHindered
from trustengine.accounts.models import ErasedSubject, Erasure, Membership, User
from trustengine.accounts.services import rename
from trustengine.accounts.tests.factories import MembershipFactory, StaffFactory, UserFactory, VendorFactory
from trustengine.accounts.tests.identity_provider import SECRET, outside_token
from trustengine.accounts.tokens import issue
from trustengine.api.models import StoredAnswer
from trustengine.audit.models import Entry
from trustengine.errors import PermissionDenied
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for, at_once, run_due_jobs

pytestmark = pytest.mark.django_db

ME = "/api/v1/me/"


@pytest.fixture(autouse=True)
def shared_secret(settings):
    settings.JWT_SECRET = SECRET
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def ask(method="get", path=ME, **claims):
    token = outside_token(**claims)
    return getattr(api_client_for(), method)(path, HTTP_AUTHORIZATION=f"Bearer {token}")


# The request


def test_the_account_is_closed_at_once_and_the_rest_follows():
    user = UserFactory(username="ada", password="correct horse battery")
    client, pair = api_client_for(user), issue(user)

    answer = client.delete(ME)

    erasure = Erasure.objects.get(user=user)
    assert answer.status_code == 202
    assert answer.json() == {
        "state": "requested",
        "requested_at": erasure.requested_at.isoformat().replace("+00:00", "Z"),
    }
    for again in [client.get(ME), client.delete(ME), client.get(f"{ME}export/")]:
        assert (again.status_code, again.json()["code"]) == (401, "TOKEN_INVALID")
    renewal = api_client_for().post("/api/v1/auth/token/refresh/", {"refresh": pair.refresh})
    assert renewal.status_code == 401
    words = {"username": "ada", "password": "correct horse battery"}
    assert api_client_for().post("/api/v1/auth/token/", words).status_code == 401
    run_due_jobs()
    assert client.get(ME).status_code == 401
    assert list(Entry.objects.filter(object_id=str(user.pk)).values_list("verb", flat=True)) == [
        "user.erasure_requested",
        "user.erased",
    ]


def test_suspended_users_may_go():
    user = UserFactory(suspended_at=timezone.now())

    assert api_client_for(user).delete(ME).status_code == 202


def test_a_request_with_a_key_leaves_no_answer_behind():
    user = UserFactory()

    answer = api_client_for(user).delete(ME, headers={"Idempotency-Key": "k"})
    run_due_jobs()

    assert answer.status_code == 202
    assert not StoredAnswer.objects.exists()


def test_asking_twice_is_asking_once():
    user = UserFactory()

    assert request_erasure(user, actor=user) == request_erasure(user, actor=None)
    run_due_jobs()
    assert request_erasure(user, actor=None).state == "done"
    assert Entry.objects.filter(verb="user.erasure_requested").count() == 1


def test_only_operators_erase_others_and_only_those_who_make_staff_erase_staff():
    user, colleague = UserFactory(), StaffFactory()
    operator = StaffFactory(groups=["Operators"])

    for actor, target in [(UserFactory(), user), (StaffFactory(groups=["Moderators"]), user), (operator, colleague)]:
        with pytest.raises(PermissionDenied):
            request_erasure(target, actor=actor)
    assert request_erasure(user, actor=operator, reason="staff_action").requested_by == operator


def test_the_last_owner_of_a_shop_without_obligations_may_go_and_leaves_it():
    user = UserFactory()
    vendor, other = VendorFactory(owner=user), MembershipFactory(user=user).profile

    request_erasure(user, actor=user)

    assert not Membership.objects.filter(profile__in=[vendor, other]).exists()
    left = Entry.objects.filter(verb="membership.removed").values_list("object_id", flat=True)
    assert set(left) == {str(vendor.pk), str(other.pk)}


def test_a_hindrance_keeps_the_account_as_it_is(monkeypatch):
    user = UserFactory()
    monkeypatch.setitem(erasing._hindrances, "test", lambda each: "Not yet.")

    answer = api_client_for(user).delete(ME)

    assert (answer.status_code, answer.json()["code"]) == (409, "INVALID_TRANSITION")
    assert answer.json()["detail"] == "Not yet."
    assert api_client_for(user).get(ME).status_code == 200
    assert not ErasedSubject.objects.exists()
    with pytest.raises(ErasureHindered):
        request_erasure(user, actor=None)


@pytest.mark.django_db(transaction=True)
def test_eight_requests_at_once_make_one_erasure():
    user = UserFactory()

    erasures = at_once(*[partial(request_erasure, user, actor=user)] * 8)

    assert len({erasure.pk for erasure in erasures}) == 1
    assert Job.objects.filter(kind="accounts.erase").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_workers_and_commands_at_once_each_takes_its_turn():
    erasure = request_erasure(UserFactory(), actor=None)

    for _ in erasing.steps():
        outcomes = at_once(*[partial(advance, erasure.pk)] * 3)
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]

    assert Erasure.objects.get().state == "done"
    assert Entry.objects.filter(verb="user.erased").count() == 1


# Coming back


def test_a_token_from_before_the_erasure_brings_nobody_back():
    now = int(time.time())
    assert ask(sub="ada", iat=now - 60).status_code == 200
    assert ask("delete", sub="ada", iat=now - 60).status_code == 202
    assert ask(sub="ada", iat=now - 60).status_code == 401
    run_due_jobs()

    for issued_at in [now - 60, None, "soon", True, -1]:
        answer = ask(sub="ada", iat=issued_at)
        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_INVALID")
    assert User.objects.count() == 1


def test_who_signs_up_again_is_somebody_new():
    ask(sub="ada", name="Ada")
    first = User.objects.get(subject="ada")
    ask("delete", sub="ada")
    run_due_jobs()
    ErasedSubject.objects.update(erased_at=timezone.now() - timedelta(minutes=5))

    answer = ask(sub="ada", name="Ada", iat=int(time.time()) - 5)

    assert answer.status_code == 200
    assert answer.json()["id"] != str(first.pk)
    first.refresh_from_db()
    assert (first.is_active, first.subject) == (False, f"erased:{first.pk}")
    assert ask("delete", sub="ada", iat=int(time.time()) - 5).status_code == 202
    run_due_jobs()
    assert ask(sub="ada", iat=int(time.time()) - 5).status_code == 401  # the later erasure counts


def test_what_is_kept_of_a_subject_is_a_keyed_digest_that_outlives_a_change_of_key(settings):
    settings.AUDIT_KEYS = ["old"]
    tombstones.remember("ada", at=timezone.now())
    assert "ada" not in str(ErasedSubject.objects.values_list())

    settings.AUDIT_KEYS = ["new", "old"]
    assert tombstones.erased_among(["ada", "eve"]) == {"ada"}
    assert tombstones.erased_at("ada")
    settings.AUDIT_KEYS = ["new"]
    assert tombstones.erased_at("ada") is None


# The steps


def test_a_step_that_fails_is_told_without_its_text_and_tried_again(monkeypatch):
    user = UserFactory()
    request_erasure(user, actor=None)
    broken = [True]

    def fragile(each, limit):
        if broken[0]:
            User.objects.filter(pk=each.pk).update(email="half@way.example")
            raise RuntimeError("a secret of Ada's")
        return 0

    monkeypatch.setitem(erasing._steps, "test.fragile", erasing.Step("test.fragile", 15, fragile, 500))
    run_due_jobs()

    erasure = Erasure.objects.get()
    assert (erasure.state, erasure.failures, erasure.problem) == ("failed", 1, "test.fragile: RuntimeError")
    user.refresh_from_db()
    assert user.email == ""  # rolled back
    retry = Job.objects.get(kind="accounts.erase", state="ready")
    assert retry.run_at > timezone.now()

    broken[0] = False
    Job.objects.filter(pk=retry.pk).update(run_at=timezone.now())
    run_due_jobs()
    erasure.refresh_from_db()
    assert (erasure.state, erasure.failures, erasure.problem) == ("done", 0, "")


def test_what_a_request_from_before_has_still_written_goes_at_the_second_look():
    user = UserFactory(display_name="Ada")
    request_erasure(user, actor=None)
    run_due_jobs()
    second = Job.objects.get(kind="accounts.erase_leftovers")
    assert second.run_at > timezone.now() + timedelta(seconds=100)
    rename(user, "Ada again")  # by a request that was let in when the account was open
    MembershipFactory(user=user)

    Job.objects.filter(pk=second.pk).update(run_at=timezone.now())
    run_due_jobs()

    user.customer_profile.refresh_from_db()
    assert user.customer_profile.display_name == ""
    assert not Membership.objects.filter(user=user).exists()
    assert look_again(Erasure.objects.get().pk) == 0
