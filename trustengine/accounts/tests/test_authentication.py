import json
import time
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.accounts.tests.identity_provider import SECRET, Key, claims, outside_token, running
from trustengine.accounts.tokens import issue
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

ME = "/api/v1/me/"


@pytest.fixture(autouse=True)
def shared_secret(settings):
    settings.JWT_SECRET = SECRET


@pytest.fixture(scope="module")
def key():
    return Key("the-key")


@pytest.fixture
def provider(settings, key):
    with running(key) as provider:
        settings.JWT_JWKS_URL = provider.url
        yield provider


def ask(token, path=ME):
    return api_client_for().get(path, HTTP_AUTHORIZATION=f"Bearer {token}")


def assert_refused(answer):
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_INVALID")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert answer["Content-Type"] == "application/problem+json"


# The header


@pytest.mark.parametrize("headers", [{}, {"HTTP_AUTHORIZATION": ""}])
def test_without_a_token_one_is_required(headers):
    answer = api_client_for().get(ME, **headers)

    assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_REQUIRED")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic YWRhOmFkYQ==", "Bearer a b", "Bearer ..", "Bearer é.é.é", "x", "Token x"]
)
def test_a_malformed_header_is_an_invalid_token(header):
    assert_refused(api_client_for().get(ME, HTTP_AUTHORIZATION=header))


def test_the_scheme_may_be_written_in_any_case():
    answer = api_client_for().get(ME, HTTP_AUTHORIZATION=f"bEARER {outside_token()}")

    assert answer.status_code == 200


# Tokens of the shared secret


def test_an_outside_token_lets_in():
    answer = ask(outside_token(sub="customer-1", name="Ada Lovelace"))

    assert answer.status_code == 200
    assert answer.json()["subject"] == "customer-1"
    assert answer.json()["display_name"] == "Ada Lovelace"


REFUSED_CLAIMS = {
    "no exp": {"exp": None},
    "expired": {"exp": int(time.time()) - 60},
    "exp that is no number": {"exp": "soon"},
    "infinite exp": {"exp": float("inf")},
    "not yet valid": {"nbf": int(time.time()) + 600},
    "issued in the future": {"iat": int(time.time()) + 600},
    "no sub": {"sub": None},
    "empty sub": {"sub": ""},
    "sub of 256 characters": {"sub": "x" * 256},
    "sub with NUL": {"sub": "a\0b"},
    "sub with half a character": {"sub": "\ud800"},
    "own issuer": {"iss": "trustengine"},
    "refresh token": {"token_type": "refresh"},
}


@pytest.mark.parametrize("changes", REFUSED_CLAIMS.values(), ids=REFUSED_CLAIMS)
def test_a_token_is_refused_for_its_claims(changes):
    assert_refused(ask(outside_token(**changes)))
    assert not User.objects.exists()


@pytest.mark.parametrize("sub", [17, ["customer"], {"a": 1}, True])
def test_a_subject_that_is_no_text_is_refused(sub):
    # PyJWT would not sign this, so it is signed a storey below.
    token = jwt.api_jws.encode(json.dumps(claims(sub=sub)).encode(), SECRET, algorithm="HS256")

    assert_refused(ask(token))


def test_a_subject_may_have_255_characters():
    assert ask(outside_token(sub="x" * 255)).status_code == 200


def test_the_leeway_forgives_clocks_that_differ(settings):
    settings.JWT_LEEWAY_SECONDS = 30

    assert ask(outside_token(exp=int(time.time()) - 20)).status_code == 200
    assert_refused(ask(outside_token(exp=int(time.time()) - 40)))


def test_a_token_needs_the_configured_audience(settings):
    settings.JWT_AUDIENCE = "shop"

    assert ask(outside_token(aud="shop")).status_code == 200
    assert ask(outside_token(aud=["other", "shop"])).status_code == 200
    for wrong in [None, "other", "", [], ["other"], 5, {"shop": 1}]:
        assert_refused(ask(outside_token(aud=wrong)))


def test_any_audience_will_do_where_none_is_configured():
    assert ask(outside_token(aud="whoever")).status_code == 200


def test_a_token_needs_the_configured_issuer(settings):
    settings.JWT_ISSUER = "https://id.example"

    assert ask(outside_token(iss="https://id.example")).status_code == 200
    for wrong in [None, "https://other.example"]:
        assert_refused(ask(outside_token(iss=wrong)))


def test_another_secret_is_refused():
    assert_refused(ask(outside_token(secret="another secret that is just as long as ours")))


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
def test_other_algorithms_of_the_secret_are_refused(algorithm):
    key = None if algorithm == "none" else SECRET * 2

    assert_refused(ask(jwt.encode(claims(), key, algorithm=algorithm)))


def test_without_a_secret_and_keys_outside_tokens_are_refused(settings):
    settings.JWT_SECRET = settings.JWT_JWKS_URL = ""

    assert_refused(ask(outside_token()))
    assert_refused(ask(_hmac_token(b"")))


# Tokens of public keys


def test_a_token_of_a_published_key_lets_in(provider, key):
    assert ask(key.token()).status_code == 200


def test_secret_and_public_keys_work_side_by_side(provider, key):
    assert ask(key.token()).status_code == 200
    assert ask(outside_token()).status_code == 200


def test_a_public_key_is_no_shared_secret(provider, key, settings):
    public = key.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    # PyJWT refuses to sign with a PEM, as an attacker would not.
    forged = _hmac_token(pem)

    assert_refused(ask(forged))
    settings.JWT_SECRET = ""
    assert_refused(ask(forged))


def _hmac_token(secret: bytes) -> str:
    import hashlib
    import hmac

    from jwt.utils import base64url_encode

    parts = [{"alg": "HS256", "typ": "JWT", "kid": "the-key"}, claims()]
    signed = b".".join(base64url_encode(json.dumps(part).encode()) for part in parts)
    return (signed + b"." + base64url_encode(hmac.new(secret, signed, hashlib.sha256).digest())).decode()


@pytest.mark.parametrize("kid", [["the-key"], {"a": 1}, 7, "", "unknown", "\0", "x" * 5_000])
def test_a_key_id_that_names_no_key_is_refused(provider, key, kid):
    from jwt.utils import base64url_decode, base64url_encode

    # PyJWT signs no odd key ids; the signature is wrong as well then, and never looked at.
    header, rest = key.token().split(".", 1)
    members = json.loads(base64url_decode(header)) | {"kid": kid}

    assert_refused(ask(base64url_encode(json.dumps(members).encode()).decode() + "." + rest))


def test_a_key_verifies_its_own_algorithm_only(provider, key):
    assert_refused(ask(key.token(algorithm="RS512")))


def test_a_key_of_somebody_else_under_a_known_id_is_refused(provider):
    assert_refused(ask(Key("the-key").token()))


def test_an_issuer_that_goes_away_does_not_log_anybody_out(settings, key):
    with running(key) as provider:
        settings.JWT_JWKS_URL = provider.url
        assert ask(key.token()).status_code == 200

    assert ask(key.token()).status_code == 200


# Own tokens


def test_an_own_token_lets_in():
    user = UserFactory()

    answer = ask(issue(user).access)

    assert answer.json()["id"] == str(user.pk)


def test_an_own_refresh_token_opens_nothing():
    assert_refused(ask(issue(UserFactory()).refresh))


def test_an_own_token_is_not_signed_with_the_shared_secret(settings):
    payload = AccessToken.for_user(UserFactory()).payload

    assert_refused(ask(jwt.encode(payload | {"iss": "trustengine"}, SECRET, algorithm="HS256")))


def test_an_own_token_without_the_own_issuer_is_refused(settings):
    payload = AccessToken.for_user(UserFactory()).payload

    assert_refused(ask(jwt.encode(payload, settings.SIMPLE_JWT["SIGNING_KEY"], algorithm="HS256")))


def test_an_expired_own_token_says_so():
    token = RefreshToken.for_user(UserFactory()).access_token
    token.set_exp(from_time=timezone.now() - timedelta(days=1))

    answer = ask(token)

    assert_refused(answer)
    assert answer.json()["detail"] == "The token has expired."


def test_a_change_of_password_ends_own_tokens():
    user = UserFactory(password="first password")
    token = issue(user).access
    user.set_password("second password")
    user.save()

    assert_refused(ask(token))


def test_an_own_token_of_an_erased_user_is_refused():
    token = AccessToken.for_user(User(subject="never saved"))

    assert_refused(ask(token))


# Users


@pytest.mark.parametrize("own", [True, False])
def test_an_inactive_user_is_not_let_in(own):
    user = UserFactory(is_active=False)

    assert_refused(ask(issue(user).access if own else outside_token(sub=user.subject)))


@pytest.mark.parametrize("own", [True, False])
def test_a_known_user_costs_one_query(own, django_assert_num_queries):
    user = UserFactory()
    token = issue(user).access if own else outside_token(sub=user.subject)

    with django_assert_num_queries(1):
        assert ask(token).status_code == 200


def test_staff_rights_come_by_own_tokens_only(rf):
    from rest_framework.request import Request

    from trustengine.accounts.authentication import BearerAuthentication

    def comes_by(token):
        user, _ = BearerAuthentication().authenticate(Request(rf.get("/", HTTP_AUTHORIZATION=f"Bearer {token}")))
        return user

    for user in [StaffFactory(groups=["Moderators"]), StaffFactory(is_superuser=True)]:
        own = comes_by(issue(user).access)
        outside = comes_by(outside_token(sub=user.subject, is_staff=True, is_superuser=True, groups=["Moderators"]))

        assert own == outside == user
        assert own.has_perm("reviews.moderate_review")
        assert own.has_module_perms("reviews")
        assert "reviews.moderate_review" in own.get_all_permissions()
        assert not outside.has_perm("reviews.moderate_review")
        assert not outside.has_perms(["reviews.moderate_review"])
        assert not outside.has_module_perms("reviews")
        assert outside.get_all_permissions() <= {"accounts.record_usage"}


def test_a_claim_makes_nobody_staff():
    ask(outside_token(is_staff=True, is_superuser=True, groups=["Moderators"]))

    user = User.objects.get()
    assert (user.is_staff, user.is_superuser, user.groups.count()) == (False, False, 0)


def test_a_service_may_report_usage_by_an_outside_token():
    service = UserFactory(groups=["Services"])
    service.has_staff_rights = False

    assert service.has_perm("accounts.record_usage")


def test_a_forged_token_is_noted_for_the_operator(caplog):
    from trustengine.api.refusals import REFUSALS

    before = REFUSALS.labels("TOKEN_INVALID")._value.get()
    ask(outside_token(secret="another secret that is just as long as ours"))
    ask(outside_token(exp=int(time.time()) - 60))  # routine

    assert REFUSALS.labels("TOKEN_INVALID")._value.get() == before + 1
