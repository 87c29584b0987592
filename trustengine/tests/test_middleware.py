from uuid import UUID

import pytest

from trustengine.accounts.models import User
from trustengine.accounts.tests.identity_provider import SECRET, outside_token
from trustengine.audit.models import Entry
from trustengine.testing import api_client_for


def ask(**headers):
    return api_client_for().get("/healthz", **headers)


@pytest.mark.parametrize("given", ["8-to-64.", "a" * 64, "0190f3c2-7e7b-7c3d-8f00-000000000000", "A:b_c.d-e"])
def test_a_well_formed_request_id_is_echoed(given):
    assert ask(HTTP_X_REQUEST_ID=given)["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a" * 65, "with space", "line\nbreak", "é" * 10, "<script>x</script>"])
def test_any_other_request_id_is_replaced(given):
    assert UUID(ask(HTTP_X_REQUEST_ID=given)["X-Request-ID"]).version == 7


def test_every_request_has_an_id_of_its_own():
    assert ask()["X-Request-ID"] != ask()["X-Request-ID"]


@pytest.mark.django_db
def test_the_audit_keeps_the_request_id(settings):
    settings.JWT_SECRET = SECRET

    api_client_for().get(
        "/api/v1/me/", HTTP_AUTHORIZATION=f"Bearer {outside_token()}", HTTP_X_REQUEST_ID="quote-this-id"
    )

    assert User.objects.exists()
    assert set(Entry.objects.values_list("request_id", flat=True)) == {"quote-this-id"}


def test_answers_carry_a_content_security_policy():
    assert "default-src 'self'" in ask()["Content-Security-Policy"]
