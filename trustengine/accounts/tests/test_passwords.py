"""Accounts and passwords that are made past the list of users: the validators are asked, and an entry is left."""

import getpass

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry

pytestmark = pytest.mark.django_db

GOOD = "correct horse battery"
BAD = ["short", "password123456", "margaret-1234", "", "12345678901"]


def make_superuser(monkeypatch, password, username="margaret"):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    call_command("createsuperuser", "--noinput", "--username", username, verbosity=0)


def test_a_new_superuser_leaves_an_entry(monkeypatch):
    make_superuser(monkeypatch, GOOD)

    person = User.objects.get(username="margaret")
    assert person.check_password(GOOD)
    entry = Entry.objects.get(verb="user.created")
    assert (entry.object_id, entry.actor_id, entry.after["is_superuser"]) == (str(person.pk), None, True)
    assert GOOD not in str(entry.after)


@pytest.mark.parametrize("password", [bad for bad in BAD if bad != "12345678901"])
def test_a_bad_password_makes_no_superuser(monkeypatch, password):
    with pytest.raises(CommandError, match="DJANGO_SUPERUSER_PASSWORD") as refusal:
        make_superuser(monkeypatch, password)

    assert refusal.value.returncode == 2
    assert not User.objects.filter(username="margaret").exists()
    assert not Entry.objects.exists()


def test_a_superuser_without_a_password_signs_in_nowhere(monkeypatch):
    monkeypatch.delenv("DJANGO_SUPERUSER_PASSWORD", raising=False)
    call_command("createsuperuser", "--noinput", "--username", "margaret", verbosity=0)

    assert not User.objects.get(username="margaret").has_usable_password()
    assert Entry.objects.filter(verb="user.created").exists()


def test_the_command_that_sets_a_password_leaves_an_entry(monkeypatch):
    person = UserFactory(username="margaret")
    monkeypatch.setattr(getpass, "getpass", lambda prompt="": GOOD)
    call_command("changepassword", "margaret", verbosity=0)

    person.refresh_from_db()
    assert person.check_password(GOOD)
    assert Entry.objects.get(verb="user.password_set").object_id == str(person.pk)


def test_the_command_refuses_a_bad_password(monkeypatch):
    person = UserFactory(username="margaret")
    monkeypatch.setattr(getpass, "getpass", lambda prompt="": "short")
    with pytest.raises(CommandError):
        call_command("changepassword", "margaret", verbosity=0)

    assert not Entry.objects.exists()
    person.refresh_from_db()
    assert not person.check_password("short")


@pytest.fixture
def margaret(client):
    person = UserFactory(username="margaret", is_staff=True)
    person.set_password("the former password")
    person.save()
    client.force_login(person)
    return person


def change(client, new, old="the former password"):
    given = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post(reverse("admin:password_change"), given)


def test_a_change_of_ones_own_password_leaves_an_entry_and_keeps_the_session(client, margaret):
    assert client.get(reverse("admin:password_change")).status_code == 200
    answer = change(client, GOOD)

    assert answer.status_code == 302
    margaret.refresh_from_db()
    assert margaret.check_password(GOOD)
    entry = Entry.objects.get(verb="user.password_changed")
    assert (entry.actor_id, entry.object_id) == (margaret.pk, str(margaret.pk))
    assert client.get(answer.headers["Location"]).status_code == 200


@pytest.mark.parametrize("password", BAD)
def test_a_bad_new_password_is_refused(client, margaret, password):
    assert change(client, password).status_code == 200
    assert not Entry.objects.exists()


def test_a_wrong_old_password_changes_nothing(client, margaret):
    assert change(client, GOOD, old="wrong").status_code == 200
    assert not Entry.objects.exists()


def test_others_come_to_the_page_after_signing_in_only(client):
    assert client.get(reverse("admin:password_change")).status_code == 302
