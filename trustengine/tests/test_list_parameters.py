"""Every address of the API that is read by parameters refuses those it does not know, and values that mean nothing."""

import uuid

import pytest
from django.urls import URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from rest_framework.generics import ListAPIView

from orders.tests.factories import VendorFactory
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import UserFactory
from trustengine.api.parameters import KnownParameters
from trustengine.testing import api_client_for

FREE_TEXT = {"search", "reason", "meter"}  # any word may be looked for


@pytest.fixture(scope="module")
def reads():
    """By address: the query parameters that the document names."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    found = {}
    for path, operations in document["paths"].items():
        named = {
            each["name"]: each for each in operations.get("get", {}).get("parameters", []) if each["in"] == "query"
        }
        if named:
            found[path] = named
    return found


@pytest.fixture
def client():
    """Who may read everything, and is a member of a vendor."""
    user = UserFactory(is_staff=True, is_superuser=True)
    Membership.objects.create(user=user, profile=VendorFactory(), role="owner")
    return api_client_for(user)


def addressed(path):
    return path.replace("{id}", str(uuid.uuid4())).replace("{photo_id}", str(uuid.uuid4()))


def views(patterns):
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns)
        else:
            yield getattr(pattern.callback, "cls", None)


def refused_fields(answer):
    assert answer.status_code == 400, (answer.status_code, answer.content[:200])
    assert answer.json()["code"] == "INVALID_INPUT"
    return {each["field"] for each in answer.json()["errors"]}


def test_every_list_is_strict_and_in_the_document(reads):
    lists = [view for view in views(get_resolver().url_patterns) if view and issubclass(view, ListAPIView)]

    assert len(lists) >= 16
    assert all(issubclass(view, KnownParameters) for view in lists)
    assert len(reads) >= len(lists)


@pytest.mark.django_db
def test_a_parameter_that_an_address_does_not_know_is_refused(reads, client):
    for path, named in reads.items():
        for unknown in ("nonsense", "statuss", "created_at__gte", "password", "page", *({"ordering"} - named.keys())):
            assert refused_fields(client.get(addressed(path), {unknown: "1"})) == {unknown}, path


@pytest.mark.django_db
def test_a_value_that_means_nothing_is_refused(reads, client):
    tried = 0
    for path, named in reads.items():
        if "{" in path:
            continue
        for name in named.keys() - FREE_TEXT:
            assert name in refused_fields(client.get(path, {name: "non-sense"})), (path, name)
            tried += 1
    assert tried > 80


@pytest.mark.django_db
def test_what_an_address_knows_is_taken(reads, client):
    for path, named in reads.items():
        if "{" not in path and not any(each.get("required") for each in named.values()):
            assert client.get(path, {"page_size": 5} if "page_size" in named else {}).status_code in {200, 403}, path


@pytest.mark.django_db
def test_pages_ignore_parameters_that_they_do_not_know(client):
    assert client.get("/sign-in/", {"utm_source": "mail"}).status_code == 200
