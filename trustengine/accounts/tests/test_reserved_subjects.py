"""Subjects that only the system gives, at every way in; and tokens from before an erasure, after somebody came back."""

import time
from datetime import timedelta
from functools import partial
from importlib import import_module

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from trustengine.accounts.erasing import request_erasure
from trustengine.accounts.finding import NobodyMeant, user_meant
from trustengine.accounts.models import ErasedSubject, User
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.accounts.tests.identity_provider import SECRET, outside_token
from trustengine.accounts.tokens import issue
from trustengine.testing import api_client_for, at_once, run_due_jobs

pytestmark = pytest.mark.django_db

ME, REFRESH = "/api/v1/me/", "/api/v1/auth/token/refresh/"
RESERVED = ["erased:x", "erased:", "ERASED:x", " erased:x", "\tErased: x", "ｅｒａｓｅｄ：x", "erased:{id}"]


@pytest.fixture(autouse=True)
def identity_provider(settings):
    settings.JWT_SECRET = SECRET
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def ask(token):
    return api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {token}")


def is_refused(answer):
    return (answer.status_code, answer.json()["code"]) == (401, "TOKEN_INVALID")


def erased_user(**fields):
    user = UserFactory(**fields)
    request_erasure(user, actor=None)
    run_due_jobs()
    user.refresh_from_db()
    return user


# Reserved subjects


@pytest.mark.parametrize("subject", RESERVED)
def test_an_outside_token_of_a_reserved_subject_is_refused(subject):
    gone = erased_user()

    assert is_refused(ask(outside_token(sub=subject.format(id=gone.pk), iat=int(time.time()))))
    assert User.objects.get() == gone


def test_a_subject_that_only_contains_the_word_is_nobodys():
    assert ask(outside_token(sub="not-erased:x")).status_code == 200


@pytest.mark.parametrize("subject", RESERVED)
def test_no_account_is_made_with_a_reserved_subject_or_name(subject):
    for fields in [{"subject": subject}, {"username": subject}]:
        with pytest.raises(ValidationError, match="reserved"):
            User(password="x", **fields).full_clean()
    with pytest.raises(CommandError, match="reserved"):
        call_command("createsuperuser", username=subject, email="", interactive=False)
    assert not User.objects.exists()


def test_the_admin_form_refuses_a_reserved_name(client):
    client.force_login(StaffFactory(is_superuser=True))
    given = {"username": "erased:x", "password1": "a long password", "password2": "a long password"}

    answer = client.post(reverse("admin:accounts_user_add"), given | {"usable_password": "true"})

    assert "reserved" in answer.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("subject", ["erased:x", "ERASED:x", "erased:018f4e9c-7b1a-7cc2-9d3e-0123456789ab"])
def test_the_database_itself_keeps_reserved_subjects_for_their_users(subject):
    with pytest.raises(IntegrityError, match="user_subject_not_reserved"), transaction.atomic():
        User.objects.create(subject=subject)
    with pytest.raises(IntegrityError, match="user_subject_not_reserved"), transaction.atomic():
        User.objects.filter(pk=UserFactory().pk).update(subject=subject)


def test_commands_do_not_take_a_reserved_subject_for_a_person():
    gone = erased_user()

    with pytest.raises(NobodyMeant, match="the user's id"):
        user_meant(gone.subject)
    assert user_meant(str(gone.pk)) == gone


@pytest.mark.parametrize(("file", "column"), [("customers", "customer_id"), ("vendors", "user_id")])
def test_an_import_takes_no_reserved_subject(tmp_path, file, column):
    gone = erased_user()
    columns = {"vendors": {"vendor_id": "018f4e9c-7b1a-7cc2-9d3e-0123456789ab", "business_name": "Shop"}}.get(file, {})
    columns |= {column: gone.subject}
    (tmp_path / f"{file}.csv").write_text(",".join(columns) + "\n" + ",".join(columns.values()) + "\n")

    with pytest.raises(SystemExit) as ended:
        call_command("import_marketplace", str(tmp_path), "--rejects", str(tmp_path / "rejects.csv"))

    assert ended.value.code == 3
    assert "INVALID_VALUE" in (tmp_path / "rejects.csv").read_text()
    assert User.objects.get() == gone


# Tokens from before an erasure


@pytest.fixture
def before_and_after():
    """A token from before an erasure and one from after it, of the same subject."""
    now = int(time.time())
    old = partial(outside_token, sub="ada", iat=now - 60)
    user = User.objects.get(pk=ask(old()).json()["id"])
    request_erasure(user, actor=None)
    run_due_jobs()
    ErasedSubject.objects.update(erased_at=timezone.now() - timedelta(seconds=30))
    return old(), outside_token(sub="ada", iat=now)


def test_a_token_from_before_an_erasure_stays_refused_after_the_return(before_and_after):
    old, new = before_and_after
    assert is_refused(ask(old))

    back = ask(new)
    assert back.status_code == 200
    for _ in range(2):
        assert is_refused(ask(old))
        assert ask(new).json()["id"] == back.json()["id"]


def test_tokens_without_a_time_stay_refused_after_the_return(before_and_after):
    _, new = before_and_after
    assert is_refused(ask(outside_token(sub="ada", iat=None)))
    ask(new)

    assert is_refused(ask(outside_token(sub="ada", iat=None)))


def test_own_tokens_from_before_an_erasure_stay_refused_after_the_return():
    user = UserFactory(subject="ada")
    pair = issue(user)
    request_erasure(user, actor=None)
    run_due_jobs()
    ErasedSubject.objects.update(erased_at=timezone.now() - timedelta(seconds=30))
    assert ask(outside_token(sub="ada")).status_code == 200

    assert is_refused(ask(pair.access))
    assert is_refused(api_client_for().post(REFRESH, {"refresh": pair.refresh}))


def test_a_second_erasure_refuses_the_tokens_from_before_it(before_and_after):
    _, new = before_and_after
    user = User.objects.get(pk=ask(new).json()["id"])
    request_erasure(user, actor=None)
    run_due_jobs()

    assert is_refused(ask(new))
    ErasedSubject.objects.update(erased_at=timezone.now())
    assert ask(outside_token(sub="ada", iat=int(time.time()) + 5)).status_code == 200
    assert is_refused(ask(new))


def test_who_is_known_and_came_back_costs_one_query(before_and_after, django_assert_num_queries):
    _, new = before_and_after
    ask(new)

    with django_assert_num_queries(1):
        assert ask(new).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_old_and_new_tokens_at_once_let_the_new_one_in_only():
    user = UserFactory(subject="ada")
    request_erasure(user, actor=None)
    run_due_jobs()
    ErasedSubject.objects.update(erased_at=timezone.now() - timedelta(seconds=30))
    old, new = outside_token(sub="ada", iat=int(time.time()) - 60), outside_token(sub="ada")

    answers = at_once(*[partial(ask, token) for token in [old, new] * 4])

    assert [answer.status_code for answer in answers] == [401, 200] * 4


# Rows of 0.1.0


def test_the_migration_notes_who_came_back_and_frees_reserved_subjects():
    migration = import_module("trustengine.accounts.migrations.0002_reserved_subjects")
    erased_user(subject="ada")
    ErasedSubject.objects.update(erased_at=timezone.now() - timedelta(seconds=30))
    back, other = UserFactory(subject="ada"), UserFactory()

    migration.note_who_came_back(apps, None)

    back.refresh_from_db()
    other.refresh_from_db()
    assert back.tokens_not_before == ErasedSubject.objects.get().erased_at
    assert other.tokens_not_before is None
    assert is_refused(ask(outside_token(sub="ada", iat=int(time.time()) - 60)))


def test_the_migration_gives_who_holds_a_reserved_subject_another_one():
    migration = import_module("trustengine.accounts.migrations.0002_reserved_subjects")
    gone, taken = erased_user(), UserFactory()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_user DROP CONSTRAINT user_subject_not_reserved")
        User.objects.filter(pk=taken.pk).update(subject="Erased:somebody")
        cursor.execute(migration.RENAME_TAKEN)

    assert User.objects.get(pk=gone.pk).subject == f"erased:{gone.pk}"
    assert User.objects.get(pk=taken.pk).subject == str(taken.pk)
