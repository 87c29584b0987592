"""Where signing in leads: to pages that answer GET, whatever was asked for. A walk over the console."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import get_resolver, reverse

from trustengine.accounts.sessions import with_next
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.identifiers import uuid7

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
LOGIN = reverse("admin:login")
HOME = reverse("admin:index")


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def addresses(resolver=None, prefix="/"):
    """Every address of the console, with something in the place of each parameter."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + re.sub(r"<(\w+:)?(\w+)>", _made_up, str(pattern.pattern))
        if hasattr(pattern, "url_patterns"):
            yield from addresses(pattern, route)
        elif route.startswith(HOME) and pattern.name and not re.search(r"[\^$()\\]", route):
            yield route


def _made_up(found):
    kind = (found[1] or "").rstrip(":")
    return {"uuid": str(uuid7()), "int": "1"}.get(kind, "x")


DJANGOS_OWN = ("/add/", "/change/", "/delete/", "/history/", "/jsi18n/")
ADDRESSES = sorted(address for address in set(addresses()) - {LOGIN} if not address.endswith(DJANGOS_OWN))

OWN_FORMS = {
    reverse(f"admin:security{name}") for name in ("", "_app", "_passkey")
}  # open, their forms come to themselves
OPEN = OWN_FORMS | {reverse(f"admin:{name}") for name in ("oidc_begin", "oidc_callback", "second_factor")}


def test_the_walk_finds_the_console():
    assert len(ADDRESSES) > 60
    assert reverse("admin:moderation_next") in ADDRESSES


def test_signing_in_never_leads_to_a_refused_method(client):
    user = StaffFactory(password=PASSWORD, is_superuser=True)
    refused = {}
    for address in ADDRESSES:
        client.logout()
        given = {"username": user.username, "password": PASSWORD, "next": address}
        answer = client.post(f"{LOGIN}?next={address}", given, follow=True)
        if answer.status_code == 405 or answer.status_code >= 500:
            refused[address] = answer.status_code
    assert refused == {}


def test_a_form_that_was_sent_after_the_session_leads_back_to_its_page(client):
    page = f"{reverse('admin:moderation')}?case={uuid7()}"
    lost = {}
    for address in set(ADDRESSES) - {reverse("admin:logout")} - OPEN:
        answer = client.post(address, {"text": "typed"}, headers={"Referer": f"http://testserver{page}"})
        if parse_qs(urlsplit(answer["Location"]).query)["next"] != [page]:
            lost[address] = answer["Location"]
    assert lost == {}


@pytest.mark.parametrize("address", sorted(OWN_FORMS))
def test_a_form_of_an_open_page_leads_back_to_it(address, client):
    assert client.post(address, {"text": "typed"})["Location"] == with_next("admin:login", address)


@pytest.mark.parametrize(
    "referer", ["", "https://evil.example/admin/", "http://testserver/elsewhere/", f"http://testserver{LOGIN}", "\\\\x"]
)
def test_it_leads_home_where_the_page_is_not_known(referer, client):
    answer = client.post(reverse("admin:moderation_next"), headers={"Referer": referer})

    assert answer["Location"] == f"{LOGIN}?next={HOME}"


def test_an_address_that_takes_post_alone_still_refuses_get(client):
    client.force_login(StaffFactory(is_superuser=True))

    assert client.get(reverse("admin:moderation_next")).status_code == 405
