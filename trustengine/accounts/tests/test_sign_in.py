import time
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework_simplejwt.tokens import RefreshToken

from trustengine.accounts.tests.factories import UserFactory
from trustengine.accounts.tests.identity_provider import SECRET, outside_token
from trustengine.accounts.tokens import issue
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

TOKEN, REFRESH, ME = "/api/v1/auth/token/", "/api/v1/auth/token/refresh/", "/api/v1/me/"
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def user():
    return UserFactory(username="ada", password=PASSWORD)


@pytest.fixture(autouse=True)
def patient_limits(settings):
    """Only the locks of django-axes are tested here; the guard's limits are in test_password_guard.py."""
    settings.TOKEN_REQUESTS_PER_MINUTE = settings.NAME_FAILURE_LIMIT = 1_000


def sign_in(password=PASSWORD, username="ada", **headers):
    headers = {"REMOTE_ADDR": "198.51.100.6", **headers}
    return api_client_for().post(TOKEN, {"username": username, "password": password}, **headers)


def status_and_code(answer):
    return answer.status_code, answer.json().get("code")


def test_name_and_password_give_a_pair_of_tokens(user):
    answer = sign_in()

    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    me = api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    assert me.json()["id"] == str(user.pk)
    user.refresh_from_db()
    assert user.last_login


def test_an_invalid_token_in_the_header_does_not_keep_anybody_from_signing_in(user):
    assert sign_in(HTTP_AUTHORIZATION="Bearer stale").status_code == 200


@pytest.mark.parametrize("given", [{"password": "wrong"}, {"username": "nobody"}, {"password": PASSWORD + " "}])
def test_wrong_credentials_all_look_the_same(user, given):
    answer = sign_in(**given)

    assert status_and_code(answer) == (401, "AUTH_REQUIRED")
    assert answer.json()["detail"] == "No active account has this name and password."
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_an_inactive_account_cannot_sign_in(user):
    user.is_active = False
    user.save()

    assert status_and_code(sign_in()) == (401, "AUTH_REQUIRED")


def test_an_unknown_name_takes_as_long_as_a_known_one(user, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    user.set_password(PASSWORD)
    user.save()

    def seconds(**given):
        began = time.perf_counter()
        sign_in(password="wrong", **given)
        return time.perf_counter() - began

    known, unknown = seconds(), seconds(username="nobody")
    assert 0.4 < unknown / known < 2.5


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "ada"},
        {"password": PASSWORD},
        {"username": "", "password": PASSWORD},
        {"username": None, "password": None},
        {"username": ["ada"], "password": PASSWORD},
        {"username": {"a": 1}, "password": PASSWORD},
        {"username": True, "password": PASSWORD},
        {"username": "a\0da", "password": PASSWORD},
        {"username": "ada", "password": "a\0"},
        {"username": "x" * 151, "password": PASSWORD},
        {"username": "ada", "password": "x" * 5_000},
        [],
        [1],
        "ada",
        17,
        None,
    ],
)
def test_credentials_that_cannot_be_any_are_invalid_input(body):
    answer = api_client_for().post(TOKEN, body, format="json")

    assert status_and_code(answer) == (400, "INVALID_INPUT")


def test_half_a_character_is_invalid_input():
    body = b'{"username": "\\ud800", "password": "\\ud800"}'

    assert status_and_code(api_client_for().generic("POST", TOKEN, body, "application/json")) == (400, "INVALID_INPUT")


# Too many failures


def test_ten_failures_lock_the_name_out_for_a_while(user, settings):
    answers = [sign_in(password="wrong") for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert [answer.status_code for answer in answers] == [401] * 9 + [429]

    locked = sign_in()  # even with the right password

    assert status_and_code(locked) == (429, "RATE_LIMIT_EXCEEDED")
    assert locked["Content-Type"] == "application/problem+json"
    assert 800 < int(locked["Retry-After"]) <= 900


def test_trying_while_locked_out_does_not_make_it_longer(user, settings):
    settings.AXES_FAILURE_LIMIT = 2
    settings.AXES_COOLOFF_TIME = timedelta(seconds=2)
    for _ in range(2):
        sign_in(password="wrong")
    time.sleep(1)
    assert sign_in().status_code == 429
    time.sleep(1.1)

    assert sign_in().status_code == 200


def test_another_address_is_not_locked_out(user, settings):
    settings.AXES_FAILURE_LIMIT = 1
    assert sign_in(password="wrong").status_code == 429

    assert sign_in(REMOTE_ADDR="198.51.100.7").status_code == 200


def test_an_address_written_into_the_header_does_not_help(user, settings):
    settings.AXES_FAILURE_LIMIT = 1
    assert sign_in(password="wrong").status_code == 429

    assert sign_in(HTTP_X_FORWARDED_FOR="198.51.100.7").status_code == 429


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("fe80::1%eth0", "fe80::1"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("::ffff:198.51.100.6", "198.51.100.6"),
        ("2002:c633:6406::1", "198.51.100.6"),
        ("64:ff9b::198.51.100.6", "198.51.100.6"),
    ],
)
def test_a_lock_holds_for_all_addresses_of_a_client(user, settings, first, second):
    settings.AXES_FAILURE_LIMIT = 2

    assert sign_in(password="wrong", REMOTE_ADDR=first).status_code == 401
    assert sign_in(password="wrong", REMOTE_ADDR=second).status_code == 429
    assert sign_in(REMOTE_ADDR=first).status_code == 429


def test_success_forgets_earlier_failures(user, settings):
    settings.AXES_FAILURE_LIMIT = 3
    for _ in range(3):
        assert sign_in(password="wrong").status_code == 401
        assert sign_in().status_code == 200


@pytest.mark.parametrize(("form", "styles"), [("admin:login", "trustengine/console"), ("sign-in", "trustengine/pages")])
def test_a_lockout_is_a_readable_page_in_the_look_of_its_form(form, styles, user, settings, client):
    settings.AXES_FAILURE_LIMIT = 1

    credentials = {"username": "ada", "password": "wrong"}
    answer = client.post(reverse(form), credentials, REMOTE_ADDR="198.51.100.6")

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 800
    page = answer.content.decode()
    assert "Too many failed attempts to sign in." in page
    assert "15 minutes" in page
    assert f"{styles}." in page


# Refreshing


def refresh(token):
    return api_client_for().post(REFRESH, {"refresh": token})


def test_a_refresh_token_gives_a_fresh_access_token(user):
    answer = refresh(issue(user).refresh)

    assert set(answer.json()) == {"access", "refresh"}
    me = api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    assert me.status_code == 200


def test_a_refresh_token_ends_with_the_password(user):
    token = issue(user).refresh
    user.set_password("another password")
    user.save()

    assert status_and_code(refresh(token)) == (401, "TOKEN_INVALID")


def test_a_refresh_token_of_an_inactive_or_unknown_user_is_refused(user):
    token = issue(user).refresh
    user.is_active = False
    user.save()
    assert status_and_code(refresh(token)) == (401, "TOKEN_INVALID")

    unsaved = UserFactory.build()
    assert status_and_code(refresh(issue(unsaved).refresh)) == (401, "TOKEN_INVALID")


def test_neither_access_nor_outside_nor_expired_tokens_refresh(user, settings):
    settings.JWT_SECRET = SECRET
    expired = RefreshToken.for_user(user)
    expired.set_exp(from_time=timezone.now() - timedelta(days=30))

    for token in [issue(user).access, outside_token(), str(expired), "x", "é", "..", "x" * 8_000]:
        assert status_and_code(refresh(token)) == (401, "TOKEN_INVALID")


@pytest.mark.parametrize("token", [..., None, "", "a\0", ["x"], {}, "x" * 9_000])
def test_what_cannot_be_a_refresh_token_is_invalid_input(token):
    answer = api_client_for().post(REFRESH, {}) if token is ... else refresh(token)

    assert status_and_code(answer) == (400, "INVALID_INPUT")
