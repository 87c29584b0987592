from ipaddress import ip_network
from uuid import UUID

import pytest
import structlog
from structlog.testing import capture_logs

from trustengine.accounts.models import User
from trustengine.accounts.tests.identity_provider import SECRET, outside_token
from trustengine.audit.models import Entry
from trustengine.testing import api_client_for


def ask(**headers):
    return api_client_for().get("/healthz", **headers)


@pytest.mark.parametrize("given", ["8-to-64.", "a" * 64, "0190f3c2-7e7b-7c3d-8f00-000000000000", "A:b_c.d-e"])
def test_a_client_s_request_id_is_kept_beside_ours(given):
    first, second = ask(HTTP_X_REQUEST_ID=given), ask(HTTP_X_REQUEST_ID=given)

    assert UUID(first["X-Request-ID"]).version == 7
    assert first["X-Request-ID"] not in {given, second["X-Request-ID"]}
    assert first["X-Client-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a" * 65, "with space", "line\nbreak", "é" * 10, "<script>x</script>"])
def test_any_other_request_id_is_left_out(given):
    answer = ask(HTTP_X_REQUEST_ID=given)

    assert UUID(answer["X-Request-ID"]).version == 7
    assert "X-Client-Request-ID" not in answer


def test_the_log_has_both_ids():
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        answer = api_client_for().get("/api/v1/nowhere/", HTTP_X_REQUEST_ID="theirs")

    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["request_id"], line["client_request_id"]) == (answer["X-Request-ID"], "theirs")
    assert answer.json()["request_id"] == answer["X-Request-ID"]


def test_every_request_has_an_id_of_its_own():
    assert ask()["X-Request-ID"] != ask()["X-Request-ID"]


@pytest.mark.django_db
def test_the_audit_keeps_both_ids(settings):
    settings.JWT_SECRET = SECRET

    answer = api_client_for().get(
        "/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {outside_token()}", HTTP_X_REQUEST_ID="quote-this-id"
    )

    assert User.objects.exists()
    ids = set(Entry.objects.values_list("request_id", "client_request_id"))
    assert ids == {(answer["X-Request-ID"], "quote-this-id")}


def test_answers_carry_a_content_security_policy():
    assert "default-src 'self'" in ask()["Content-Security-Policy"]


@pytest.fixture
def https_only(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.1")]


@pytest.mark.django_db
@pytest.mark.usefixtures("https_only")
@pytest.mark.parametrize(("peer", "status"), [("10.0.0.1", 200), ("10.0.0.2", 301), ("127.0.0.1", 301), ("", 301)])
def test_the_scheme_is_believed_from_trusted_proxies_only(peer, status):
    answer = api_client_for().get("/api/v1/products/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_PROTO="https")

    assert answer.status_code == status


@pytest.mark.django_db
def test_the_host_is_believed_from_trusted_proxies_only(settings):
    settings.USE_X_FORWARDED_HOST = True
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.1")]

    def link(peer):
        headers = {"HTTP_X_FORWARDED_HOST": "localhost", "HTTP_FORWARDED": "host=localhost"}
        return api_client_for().get("/api/v1/nowhere", REMOTE_ADDR=peer, **headers).wsgi_request.get_host()

    assert link("10.0.0.1") == "localhost"
    assert link("198.51.100.1") == "testserver"


def test_the_first_request_of_an_unnamed_proxy_is_reported():
    client = api_client_for()
    with capture_logs() as lines:
        for forwarded in ("203.0.113.1", "203.0.113.2"):
            client.get("/healthz", REMOTE_ADDR="172.17.0.1", HTTP_X_FORWARDED_FOR=forwarded)
        client.get("/healthz", REMOTE_ADDR="172.17.0.2")

    (line,) = [line for line in lines if line["event"] == "proxy_not_named"]
    assert line["peer"] == "172.17.0.1"
    assert "TRUSTED_PROXIES" in line["message"]


def test_a_named_proxy_is_not_reported(settings):
    settings.TRUSTED_PROXIES = [ip_network("172.17.0.1")]
    with capture_logs() as lines:
        api_client_for().get("/healthz", REMOTE_ADDR="172.17.0.1", HTTP_X_FORWARDED_FOR="203.0.113.1")

    assert not [line for line in lines if line["event"] == "proxy_not_named"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/healthz", "/api/v1/products/", "/api/docs/", "/sign-in/", "/nowhere/", "/vendor/dashboard/"]
)
def test_no_script_is_evaluated_outside_of_the_console(path):
    assert "unsafe-eval" not in api_client_for().get(path)["Content-Security-Policy"]


@pytest.mark.django_db
def test_the_console_may_evaluate_scripts():
    assert "script-src 'self' 'unsafe-eval'" in api_client_for().get("/admin/login/")["Content-Security-Policy"]
