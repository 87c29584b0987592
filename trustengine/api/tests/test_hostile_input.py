"""No 500 for any input: what no document describes, put into every place that takes something."""

import json
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from drf_spectacular.generators import SchemaGenerator

from reports.tests.factories import reported, senior
from reviews.tests.factories import approved_review, delivered_purchase
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import UserFactory, VendorFactory
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db

PATHS = SchemaGenerator().get_schema(request=None, public=True)["paths"]
TEXTS = {
    "nothing": "",
    "NUL": "a\0b",
    "a huge number": "9" * 400,
    "a negative number": "-1",
    "an exponent": "1e999999",
    "not a number": "NaN",
    "infinity": "-Infinity",
    "other digits": "٣",
    "a line break": "a\r\nb",
    "wildcards": "%_\\%'\";--",
    "a long text": "x" * 30_000,
    "a list": "[1]",
    "a turned text": "\u202e\u0000",
    "an emoji": "👩‍👩‍👧" * 50,
}
VALUES: list[Any] = [*TEXTS.values(), "\ud800", None, True, -1, 0.5, 10**30, 1e308, [], [[]], {}, {"a": {"b": []}}]


def listed(method):
    return [(path, methods[method]) for path, methods in PATHS.items() if method in methods]


@pytest.fixture
def review():
    return approved_review(delivered_purchase())


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_query_is_a_500(review, text):
    client, staff = api_client_for(review.author), api_client_for(senior())
    raw = [quote(text), quote(text.encode("utf-16-le")), "%ed%a0%80", "%ff", "%"]

    for path, operation in listed("get"):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                place = path.replace("{id}", str(review.product_id))
                for value in raw:
                    asking = staff if "/moderation/" in path else client
                    answer = asking.get(f"{place}?{parameter['name']}={value}")
                    assert answer.status_code < 500, f"{place} {parameter['name']}={value}"


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_no_body_is_a_500(review, method, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.VOTES_PER_MINUTE = settings.REVIEW_WRITES_PER_MINUTE = settings.REPORTS_PER_MINUTE = 1_000_000
    Membership.objects.create(user=review.author, profile=VendorFactory(), role="owner")
    client, staff, case = api_client_for(review.author), api_client_for(senior()), reported(review).case_id

    for path, operation in listed(method):
        of_moderators = "/moderation/" in path
        place = path.replace("{id}", str(case if of_moderators else review.pk))
        taken = operation.get("requestBody", {"content": {}})["content"].get("application/json")
        if taken is None:  # nothing, or a form with a file: its own tests send what is none
            continue
        asking = staff if of_moderators else client
        for shown in taken["examples"].values():
            for name, value in product(shown["value"], VALUES):
                body = json.dumps({**shown["value"], name: value})  # spells half characters, as a client may
                answer = asking.generic(method.upper(), place, body, "application/json")
                assert answer.status_code < 500, f"{method} {place} {name}={value!r}"


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_IDEMPOTENCY_KEY": "\0"},
        {"HTTP_IDEMPOTENCY_KEY": "x" * 10_000},
        {"HTTP_ACCEPT": "\0/" * 50},
        {"HTTP_ACCEPT": "application/json; q=x; indent=9999"},
        {"HTTP_AUTHORIZATION": "Bearer " + "x." * 30_000},
        {"HTTP_AUTHORIZATION": "Bearer \x00\xff"},
        {"HTTP_X_REQUEST_ID": "\r\nSet-Cookie: a=b"},
        {"HTTP_X_FORWARDED_FOR": "," * 10_000},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "9" * 100},
        {"REMOTE_ADDR": "not an address"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_no_header_is_a_500(headers):
    client = api_client_for(UserFactory())

    for path, method in [("/api/v1/me/", client.patch), ("/api/v1/products/", client.get)]:
        assert method(path, **headers).status_code < 500
