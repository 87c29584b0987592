"""Reads have limits on every address, with a token and without; the API document is built once."""

import pytest
from django.urls import URLResolver, get_resolver, reverse
from rest_framework.views import APIView

from trustengine.accounts.tests.factories import UserFactory
from trustengine.api import schema_view
from trustengine.api.throttles import READS
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

ME, SCHEMA = "/api/v1/me/", "/api/schema/"


def api_views(patterns=None):
    """The views of all addresses that are the API's."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from api_views(pattern.url_patterns)
        elif issubclass(getattr(pattern.callback, "cls", object), APIView):
            yield pattern.callback.cls


def test_each_address_of_the_api_limits_its_reads():
    views = list(api_views())
    assert len(views) > 60
    for view in views:
        if hasattr(view, "get"):
            assert set(READS) <= set(view.throttle_classes), view


def test_signed_in_reads_are_limited_by_user_and_open_without_redis(settings):
    settings.SIGNED_IN_READS_PER_MINUTE = 2
    client = api_client_for(UserFactory())
    assert [client.get(ME).status_code for _ in range(3)] == [200, 200, 429]
    assert client.patch(ME, {"display_name": "Ada"}).status_code == 200, "writes have limits of their own"
    assert api_client_for(UserFactory()).get(ME).status_code == 200

    settings.REDIS_ADDRESS = "redis://127.0.0.1:1?socket_connect_timeout=0.25&socket_timeout=0.25"
    assert client.get(ME).status_code == 200


def test_a_page_s_reads_count_with_the_api_s(settings, client):
    settings.SIGNED_IN_READS_PER_MINUTE = 2
    user = UserFactory()
    client.force_login(user)
    path = reverse("vendor-page")
    assert 429 not in [client.get(path).status_code for _ in range(2)]

    assert client.get(path).status_code == 429
    assert api_client_for(user).get(ME).status_code == 429


@pytest.mark.parametrize("accept", ["application/vnd.oai.openapi+json", "application/json", "application/yaml", "*/*"])
def test_the_document_is_built_once_and_named_by_an_etag(monkeypatch, accept):
    first = api_client_for().get(SCHEMA, HTTP_ACCEPT=accept)
    monkeypatch.setattr(schema_view.SpectacularAPIView, "generator_class", None)  # building again would fail
    again = api_client_for().get(SCHEMA, {"version": "x", "lang": "de"}, HTTP_ACCEPT=accept)
    known = api_client_for().get(SCHEMA, HTTP_ACCEPT=accept, HTTP_IF_NONE_MATCH=first["ETag"])

    assert first.status_code == 200
    assert b"openapi" in first.content[:200]
    assert again.content == first.content
    assert (known.status_code, known.content) == (304, b"")
    assert known["ETag"] == first["ETag"]
