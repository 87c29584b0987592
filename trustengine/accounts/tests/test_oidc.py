"""Sign-in of staff by OpenID Connect, against a provider of the tests' own over real HTTP."""

import hashlib
import json
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.urls import reverse

from trustengine.accounts import oidc
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.accounts.tests.factors import enrol
from trustengine.accounts.tests.identity_provider import Key

pytestmark = pytest.mark.django_db

BEGIN, CALLBACK, LOGIN, INDEX = (reverse(f"admin:{name}") for name in ("oidc_begin", "oidc_callback", "login", "index"))


class StaffProvider:
    """A provider that signs in whom ``subject`` names, and may lie, by ``changes``, ``discovery`` or ``key``."""

    def __init__(self):
        self.keys = [Key("staff")]
        self.key = self.keys[0]
        self.subject = "idp|grace"
        self.changes, self.discovery = {}, {}
        self.status = 200
        self.codes = {}
        self.asked = []
        self.url = ""

    def authorise(self, address):
        """What the provider's page does once somebody has signed in there: the answer's query."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        return {"code": code, "state": query["state"]}

    def document(self, path, form, authorization):
        if path.endswith("openid-configuration"):
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks.json",
            } | self.discovery
        if path == "/jwks.json":
            return {"keys": [key.public() for key in self.keys]}
        self.asked.append((form, authorization))
        query = self.codes.pop(form["code"])
        challenge = urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        assert challenge == query["code_challenge"]
        assert form["redirect_uri"] == query["redirect_uri"]
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": "console", "sub": self.subject, "nonce": query["nonce"], "iat": now, "exp": now + 60
        } | self.changes  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        headers = {"kid": self.key.kid}
        return {"id_token": jwt.encode(claims, self.key.private, algorithm=self.key.algorithm, headers=headers)}


class Handler(BaseHTTPRequestHandler):
    provider: StaffProvider

    def do_GET(self, body=b""):
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        text = json.dumps(self.provider.document(self.path, form, self.headers.get("Authorization", ""))).encode()
        self.send_response(self.provider.status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        self.do_GET(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *args):
        pass


@pytest.fixture
def provider(settings, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    provider = StaffProvider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"provider": provider}))
    provider.url = settings.STAFF_OIDC_ISSUER = f"http://127.0.0.1:{server.server_port}"
    settings.STAFF_OIDC_CLIENT_ID, settings.STAFF_OIDC_CLIENT_SECRET = "console", "a secret: with/odd characters"
    oidc._discovered.cache_clear()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield provider
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def staff():
    return StaffFactory(staff_subject="idp|grace")


def sign_in(client, provider, **answer):
    begun = client.get(BEGIN)
    return client.get(CALLBACK, provider.authorise(begun.url) | answer)


def is_inside(client):
    return client.get(INDEX).status_code == 200


def test_it_is_off_without_configuration(client):
    assert client.get(BEGIN).status_code == client.get(CALLBACK).status_code == 404
    assert "identity provider" not in client.get(LOGIN).content.decode()


def test_staff_are_signed_in_by_their_subject(client, provider, staff):
    assert BEGIN in client.get(LOGIN).content.decode()
    assert sign_in(client, provider).url == INDEX

    assert is_inside(client)
    assert client.session["_auth_user_id"] == str(staff.pk)
    form, authorization = provider.asked[0]
    assert "client_secret" not in form
    assert b64decode(authorization.split()[1]).decode() == "console:a%20secret%3A%20with%2Fodd%20characters"


def test_it_leads_on_to_the_page_that_was_asked_for(client, provider, staff):
    wanted = reverse("admin:audit_entry_changelist")
    begun = client.get(BEGIN, {"next": wanted})

    assert client.get(CALLBACK, provider.authorise(begun.url)).url == wanted
    assert client.get(BEGIN, {"next": "//evil.example"}).url.startswith(provider.url)
    assert client.session[oidc.STATE]["onward"] == INDEX


@pytest.mark.parametrize("who", ["nobody", "customer", "same subject", "closed", "same e-mail"])
def test_nobody_else_is_signed_in_made_or_given_rights(client, provider, who):
    fields = {"customer": {"staff_subject": "idp|grace"}, "same subject": {"subject": "idp|grace"}}.get(who, {})
    if who == "closed":
        StaffFactory(staff_subject="idp|grace", is_active=False)
    elif who == "same e-mail":
        StaffFactory(email="grace@example.org")
        provider.changes = {"email": "grace@example.org", "email_verified": True}
    elif who != "nobody":
        UserFactory(**fields)
    provider.changes |= {"groups": ["staff"], "is_staff": True}

    answer = sign_in(client, provider)

    assert answer.url == LOGIN
    assert not is_inside(client)
    assert "No account of staff" in client.get(LOGIN).content.decode()


@pytest.mark.parametrize("enforced", [True, False])
def test_our_second_factor_is_asked_for_as_after_a_password(client, provider, staff, settings, enforced):
    settings.SECOND_FACTOR_STAFF = enforced
    provider.changes = {"amr": ["pwd", "mfa"]}
    phone, _ = enrol(staff)

    asked = sign_in(client, provider)

    assert asked.url.startswith(reverse("admin:second_factor"))
    assert not is_inside(client)
    client.post(asked.url, {"code": phone.code()})
    assert is_inside(client)


def test_who_has_to_enrol_is_led_there(client, provider, staff, settings):
    settings.SECOND_FACTOR_STAFF = True

    assert sign_in(client, provider).url.startswith(reverse("admin:security"))
    assert not is_inside(client)


LIES = {
    "issuer": {"iss": "https://evil.example"},
    "audience": {"aud": "another"},
    "no audience": {"aud": None},
    "party": {"aud": ["console", "another"], "azp": "another"},
    "nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "expired": {"exp": int(time.time()) - 60},
    "no exp": {"exp": None},
    "future": {"iat": int(time.time()) + 600},
    "no subject": {"sub": None},
    "number": {"sub": None, "email": "grace@example.org"},
}


@pytest.mark.parametrize("changes", LIES.values(), ids=LIES)
def test_a_token_that_is_not_for_us_signs_nobody_in(client, provider, staff, changes):
    provider.changes = changes

    assert sign_in(client, provider).url == LOGIN
    assert not is_inside(client)


def test_a_token_of_another_key_or_unsigned_signs_nobody_in(client, provider, staff):
    provider.key = Key("staff")
    assert sign_in(client, provider).url == LOGIN
    public = json.dumps(provider.keys[0].public())
    for secret, algorithm in [(public, "HS256"), ("", "none")]:
        provider.key = type("Forged", (), {"kid": "staff", "private": secret or None, "algorithm": algorithm})
        assert sign_in(client, provider).url == LOGIN

    assert not is_inside(client)


@pytest.mark.parametrize(
    "answer", [{"state": "x"}, {"state": ""}, {"code": ""}, {"error": "access_denied"}, {"iss": "https://evil.example"}]
)
def test_an_answer_to_something_else_signs_nobody_in(client, provider, staff, answer):
    assert sign_in(client, provider, **answer).url == LOGIN
    assert not is_inside(client)


def test_an_answer_is_good_once_and_in_its_own_session(client, provider, staff):
    from django.test import Client

    begun = client.get(BEGIN)
    answer = provider.authorise(begun.url)
    assert Client().get(CALLBACK, answer).url == LOGIN
    assert client.get(CALLBACK, answer).url == INDEX
    client.logout()
    assert client.get(CALLBACK, answer).url == LOGIN
    assert client.get(CALLBACK).url == LOGIN


def test_an_answer_that_comes_late_is_refused(client, provider, staff):
    begun = client.get(BEGIN)
    session = client.session
    session[oidc.STATE] = session[oidc.STATE] | {"at": time.time() - oidc.SIGN_IN_SECONDS - 1}
    session.save()

    assert client.get(CALLBACK, provider.authorise(begun.url)).url == LOGIN
    assert not is_inside(client)


@pytest.mark.parametrize(
    "discovery",
    [{"issuer": "https://evil.example"}, {"token_endpoint": "file:///etc/passwd"}, {"jwks_uri": ""}, {"issuer": None}],
)
def test_a_discovery_document_of_somebody_else_is_refused(client, provider, staff, discovery):
    provider.discovery = discovery

    answer = client.get(BEGIN, follow=True)

    assert answer.redirect_chain[-1][0] == LOGIN
    assert "cannot be reached" in answer.content.decode()


def test_a_provider_that_is_away_is_told_in_words(client, provider, staff):
    provider.status = 503

    assert "cannot be reached" in client.get(BEGIN, follow=True).content.decode()
