"""Sessions know their user, so that nobody has to decode all of them to find one person's."""

from datetime import timedelta
from importlib import import_module
from unittest.mock import patch

import pytest
from django.apps import apps
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as FormerStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from trustengine.accounts.erasure import forget_sign_ins
from trustengine.accounts.models import UserSession
from trustengine.accounts.tests.factories import UserFactory
from trustengine.database_time import database_now
from trustengine.testing import database_time

pytestmark = pytest.mark.django_db


def signed_in(**fields):
    person, client = UserFactory(is_staff=True, **fields), Client()
    client.force_login(person)
    return person, client


def test_a_session_names_who_is_signed_in_and_none_after_signing_out():
    person, client = signed_in(username="ada")
    assert UserSession.objects.get().user == person
    assert client.get(reverse("admin:index")).status_code == 200

    client.logout()

    assert not UserSession.objects.exists()


def test_an_erasure_ends_a_persons_sessions_without_decoding_any(django_assert_max_num_queries):
    gone, theirs = signed_in(username=None)  # who came by a token has no name to sign in by
    _, others = signed_in(username="eve")
    for number in range(5):
        signed_in(username=f"u{number}")

    undecodable = patch.object(SessionBase, "decode", side_effect=AssertionError("decoded"))
    with undecodable, django_assert_max_num_queries(6):
        forget_sign_ins(gone, 100)

    assert theirs.get(reverse("admin:index")).status_code == 302
    assert others.get(reverse("admin:index")).status_code == 200


def test_the_upgrade_signs_nobody_out_and_leaves_no_former_rows():
    person = UserFactory(is_staff=True, username="ada")
    client = Client()
    client.force_login(person)
    row = UserSession.objects.get()
    data, key = row.session_data, row.session_key
    row.delete()
    assert FormerStore().decode(data)["_auth_user_id"] == str(person.pk)
    soon = database_now() + timedelta(hours=1)
    Session.objects.create(session_key=key, session_data=data, expire_date=soon)
    Session.objects.create(session_key="b" * 32, session_data="garbage", expire_date=soon)
    Session.objects.create(session_key="c" * 32, session_data=data, expire_date=soon - timedelta(hours=2))

    migration = import_module("trustengine.accounts.migrations.0008_sessions_with_their_user")
    with connection.schema_editor() as editor:
        migration.carry_over(apps, editor)

    assert client.get(reverse("admin:index")).status_code == 200
    assert UserSession.objects.filter(user=person).count() == 1
    assert not Session.objects.exists()


@pytest.mark.parametrize("days_wrong", [30, -30])
def test_a_process_whose_clock_is_wrong_begins_and_ends_sessions_as_every_other_one(days_wrong, monkeypatch, settings):
    settings.CONSOLE_IDLE_MINUTES = 0  # Django's client begins sessions without the console's mark
    _, earlier = signed_in()
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(days=days_wrong))
    _, client = signed_in()

    assert [each.get(reverse("admin:index")).status_code for each in (earlier, client)] == [200, 200]
    for row in UserSession.objects.all():
        lasts = row.expire_date - database_now()
        assert abs(lasts.total_seconds() - settings.SESSION_COOKIE_AGE) < 60
    with database_time(ahead=timedelta(seconds=settings.SESSION_COOKIE_AGE + 60)):
        assert client.get(reverse("admin:index")).status_code == 302
