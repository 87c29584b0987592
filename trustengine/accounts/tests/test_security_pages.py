"""Sign-in and security: the pages on which staff change their own factors, and reset those of others."""

import re

import pytest
from django.urls import reverse

from trustengine.accounts.models import RecoveryCode, SecondFactor
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.accounts.tests.factors import Phone, enrol
from trustengine.accounts.tokens import issue
from trustengine.audit.models import Entry

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
INDEX, LOGIN, SECOND, SECURITY, APP, CODES, REMOVE, OUT = (
    reverse(f"admin:{name}")
    for name in (
        "index",
        "login",
        "second_factor",
        "security",
        "security_app",
        "security_recovery_codes",
        "security_remove",
        "security_sign_out",
    )
)


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def staff():
    return StaffFactory(username="grace", password=PASSWORD)


def sign_in(client, where=LOGIN, onward=""):
    return client.post(f"{where}?next={onward}" if onward else where, {"username": "grace", "password": PASSWORD})


def is_inside(client):
    return client.get(INDEX).status_code == 200


def text(answer):
    return answer.content.decode()


def secret_on(page):
    """The secret that a page shows for typing, as an app takes it."""
    from base64 import b32decode

    spelled = re.search(r'te-secret">([A-Z2-7 ]+)<', text(page))[1].replace(" ", "")
    return Phone(b32decode(spelled + "=" * (-len(spelled) % 8)))


def test_setting_up_an_app_asks_for_the_password_and_keeps_this_session_only(client, staff):
    from django.test import Client

    other = Client()
    other.force_login(staff)
    client.force_login(staff)
    phone = secret_on(client.get(APP))
    for given in [{}, {"proof": "wrong"}]:
        assert client.post(APP, {"code": phone.code(), **given}).status_code == 400
        assert not SecondFactor.objects.exists()

    assert client.post(APP, {"code": phone.code(), "proof": PASSWORD}).status_code == 200

    assert is_inside(client)
    assert not is_inside(other)
    entry = Entry.objects.get(verb="second_factor.app_added")
    assert (entry.actor_id, entry.object_id) == (staff.pk, str(staff.pk))


@pytest.mark.parametrize("page", [REMOVE, CODES])
def test_each_change_asks_for_the_password_again(client, staff, page):
    phone, _ = enrol(staff)
    sign_in(client)
    client.post(SECOND, {"code": phone.code()})
    digests = set(RecoveryCode.objects.values_list("digest", flat=True))

    for given in [{}, {"proof": ""}, {"proof": "wrong"}, {"proof": phone.code(steps=1)}]:
        answer = client.post(page, given)
        assert answer.status_code == 400
        assert "not your password" in text(answer)
    assert set(RecoveryCode.objects.values_list("digest", flat=True)) == digests
    assert client.get(page).status_code == 405

    assert client.post(page, {"proof": PASSWORD}).status_code == (302 if page == REMOVE else 200)
    assert not digests & set(RecoveryCode.objects.values_list("digest", flat=True))
    assert is_inside(client)


def test_without_a_password_a_code_proves_who_asks(client):
    staff = StaffFactory(username="grace")
    phone, _ = enrol(staff)
    client.force_login(staff)
    session = client.session
    session["by_second_factor"] = True
    session.save()

    assert client.post(CODES, {"proof": phone.wrong_code()}).status_code == 400
    assert client.post(CODES, {"proof": phone.code()}).status_code == 200


def test_the_last_factor_stays_where_one_is_enforced(client, staff, settings):
    phone, _ = enrol(staff)
    settings.SECOND_FACTOR_STAFF = True
    sign_in(client)
    client.post(SECOND, {"code": phone.code()})

    answer = client.post(REMOVE, {"proof": PASSWORD})

    assert "Set up another one first" in text(answer)
    assert SecondFactor.objects.get().totp_secret


@pytest.mark.parametrize("passkey_id", ["x", "0190c1", "\0", "018f4e9c-7b1a-7cc2-9d3e-0123456789ab"])
def test_removing_what_is_none_changes_nothing(client, staff, passkey_id):
    phone, _ = enrol(staff)
    sign_in(client)
    client.post(SECOND, {"code": phone.code()})

    assert client.post(REMOVE, {"proof": PASSWORD, "passkey_id": passkey_id}).status_code in {302, 400}
    assert SecondFactor.objects.get().totp_secret


def test_signing_out_everywhere_ends_every_session(client, staff):
    from django.test import Client

    other, pair = Client(), issue(staff)
    other.force_login(staff)
    client.force_login(staff)

    page = client.post(OUT, follow=True)

    assert "signed out everywhere" in text(page)
    assert not is_inside(client)
    assert not is_inside(other)
    from trustengine.testing import api_client_for

    assert api_client_for().get("/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {pair.access}").status_code == 401


def test_the_menu_links_to_it(client, staff):
    client.force_login(staff)

    assert f'href="{SECURITY}"' in text(client.get(INDEX))


# Resetting


def test_a_superuser_resets_a_lost_factor_in_the_console(client, staff):
    enrol(staff)
    root = StaffFactory(is_superuser=True)
    client.force_login(root)
    page = reverse("admin:accounts_user_reset_second_factor", args=[staff.pk])
    assert page in text(client.get(reverse("admin:accounts_user_change", args=[staff.pk])))
    assert client.get(page).status_code == 200

    assert client.post(page).status_code == 302

    staff.refresh_from_db()
    assert not staff.has_second_factor
    assert Entry.objects.get(verb="second_factor.reset").actor_id == root.pk


def test_others_cannot_reset_one(client, staff):
    enrol(staff)
    client.force_login(StaffFactory(groups=["Operators", "Senior moderators"]))

    assert client.post(reverse("admin:accounts_user_reset_second_factor", args=[staff.pk])).status_code in {302, 403}
    assert SecondFactor.objects.count() == 1
