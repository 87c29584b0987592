"""NUL and broken UTF-8 in every filter, search, path, cursor and cookie: 400 or an empty list, never a 500."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import DataError, connection
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from orders.tests.payment_factories import event_body, open_checkout, post
from reports.tests.factories import reported, senior
from reviews.tests.factories import approved_review, delivered_purchase
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.api.problems import is_unstorable
from trustengine.testing import api_client_for
from trustengine.tests.test_text_doors import form_classes

pytestmark = pytest.mark.django_db

BROKEN = "%ff%ed%a0%80%c0%80"  # a stray byte, half of a pair, an overlong NUL
CURSORS = ["a\x00b", "\ud800"]
SAMPLES = {"int": "1", "uuid": "018f4e9c-7b1a-7cc2-9d3e-0123456789ab", "slug": "a-b", "str": "word", "path": "word"}


def documented() -> Iterator[tuple[str, list[str]]]:
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    for path, methods in paths.items():
        if "get" in methods:
            named = [each["name"] for each in methods["get"].get("parameters", []) if each["in"] == "query"]
            yield path, sorted({*named, "cursor", "ordering", "page_size", "search"})


def every_address(patterns: Any = None, prefix: str = "/") -> Iterator[str]:
    """Every address of the site, with samples in the places of its parameters."""
    for pattern in patterns or get_resolver().url_patterns:
        route = getattr(pattern.pattern, "_route", None)
        if route is None:  # a regular expression: the console's catch-all
            continue
        for converter, sample in SAMPLES.items():
            while f"<{converter}:" in route:
                head, _, rest = route.partition(f"<{converter}:")
                route = head + sample + rest.partition(">")[2]
        while "<" in route:
            head, _, rest = route.partition("<")
            route = head + SAMPLES["str"] + rest.partition(">")[2]
        if isinstance(pattern, URLResolver):
            yield from every_address(pattern.url_patterns, prefix + route)
        elif isinstance(pattern, URLPattern):
            yield prefix + route


def test_nul_in_any_query_or_path_of_the_site_is_400(client):
    client.force_login(StaffFactory(is_superuser=True))
    addresses = sorted(set(every_address()))
    assert len(addresses) > 250

    for address in addresses:
        assert client.get(f"{address}?anything=%C3%A9%00").status_code == 400, address
        assert client.get(f"{address.rstrip('/')}%00/").status_code == 400, address


def test_such_a_400_is_a_problem_in_the_api_and_a_page_elsewhere(client):
    answer = client.get("/api/v1/products/?search=%00")
    assert (answer.headers["Content-Type"], answer.json()["code"]) == ("application/problem+json", "INVALID_INPUT")
    assert [error["field"] for error in answer.json()["errors"]] == ["search"]
    assert answer.headers["X-Request-ID"]

    assert client.get("/admin/login/?next=%00").headers["Content-Type"].startswith("text/html")


def test_broken_utf8_in_any_parameter_of_an_api_list_is_no_500():
    review = approved_review(delivered_purchase())
    moderator = api_client_for(senior())
    reported(review)

    for path, parameters in documented():
        place = path.replace("{id}", str(review.product_id))
        for name in parameters:
            assert moderator.get(f"{place}?{name}={BROKEN}").status_code < 500, f"{place} {name}"


def test_nul_and_half_characters_in_a_cursor_are_no_500():
    review = approved_review(delivered_purchase())
    client = api_client_for(review.author)
    moderator = api_client_for(senior())

    for path, _ in documented():
        for text in CURSORS:
            for length in (1, 2, 3):
                cursor = base64.urlsafe_b64encode(json.dumps([0, *[text] * length]).encode()).decode().rstrip("=")
                asking = moderator if "/moderation/" in path else client
                answer = asking.get(path.replace("{id}", str(review.product_id)), {"cursor": cursor})
                assert answer.status_code < 500, f"{path} {text!r}"


def test_broken_utf8_in_any_filter_or_search_of_a_console_list_is_no_500(client, rf):
    person = StaffFactory(is_superuser=True)
    client.force_login(person)
    request = rf.get("/")
    request.user = person

    for model, page in admin.site._registry.items():
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        names = {"q", f"o={BROKEN}&p={BROKEN}&id__exact"}
        for spec in page.get_changelist_instance(request).filter_specs:
            names |= set(spec.expected_parameters())
        for name in sorted(map(str, names)):
            answer = client.get(f"{address}?{name}={BROKEN}")
            assert answer.status_code < 500, f"{address} {name}"


def test_nul_in_any_field_of_a_form_is_no_500(client):
    review = approved_review(delivered_purchase())
    case = reported(review).case_id
    person = StaffFactory(is_superuser=True)
    client.force_login(person)
    names = {
        name
        for path in settings.BASE_DIR.glob("*/**/*.py")
        for name in re.findall(r"\bPOST\.get(?:list)?\(\s*\"(\w+)\"", path.read_text())
    }
    assert len(names) > 12
    for form in form_classes():
        names |= {*getattr(form, "base_fields", {})}
    body = dict.fromkeys(names | {"_selected_action", "username", "password"}, "a\x00b")

    for address in sorted(set(every_address())):
        if not address.startswith(("/api/", "/admin/auth/")):
            for number in (review.pk, case) if SAMPLES["uuid"] in address or "/word/" in address else (case,):
                place = address.replace(SAMPLES["uuid"], str(number)).replace("/word/", f"/{number}/")
                assert client.post(place, body).status_code < 500, place
                client.force_login(person)  # signing out is among them


def test_nul_in_a_cookie_is_400(client):
    for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, "any"):
        for address in ("/admin/", "/sign-in/", "/api/v1/products/"):
            answer = client.get(address, headers={"cookie": f'{name}="abcdefgh\\000ijkl"'})
            assert answer.status_code == 400, (name, address)


def test_nul_in_an_event_of_the_payment_provider_is_no_500():
    checkout = open_checkout()
    for place in ("id", "type", "description"):
        body = event_body("payment_intent.succeeded", checkout.payment_intent_id)
        target = body["data"]["object"] if place == "description" else body
        target[place] = "a\x00b"
        assert post(body).status_code < 500, place


@pytest.mark.parametrize("statement", ["SELECT %s::text", "SELECT %s::jsonb"])
def test_what_the_database_refuses_to_store_is_known_as_such(statement):
    value = json.dumps("\x00") if "jsonb" in statement else "\x00"
    with pytest.raises(DataError) as refused, connection.cursor() as cursor:
        cursor.execute(statement, [value])

    assert is_unstorable(refused.value)
