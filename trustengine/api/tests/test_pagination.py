import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from trustengine.accounts.models import Profile
from trustengine.testing import api_client_for

pytestmark = [pytest.mark.django_db, pytest.mark.urls("trustengine.api.tests.urls")]

LIST = "/api/test/profiles/"
ORDERINGS = ["name", "-name", "mixed", "newest"]


@pytest.fixture
def client():
    return api_client_for()


def vendors(count, name=lambda number: "same", moment=lambda number: 0):
    noon = datetime(2026, 5, 17, 12, tzinfo=UTC)
    return Profile.objects.bulk_create(
        Profile(kind="vendor", display_name=name(number), created_at=noon + timedelta(microseconds=moment(number)))
        for number in range(count)
    )


def walk(client, address, link):
    """Pages from an address on, by one of the links."""
    pages = []
    while address:
        answer = client.get(address)
        assert answer.status_code == 200, answer.content
        pages.append(answer.json())
        address = pages[-1][link]
    return pages


def ids(pages):
    return [row["id"] for page in pages for row in page["results"]]


def expected(ordering):
    orders = {"name": ["display_name", "pk"], "-name": ["-display_name", "-pk"]}
    orders |= {"mixed": ["display_name", "-created_at", "-pk"], "newest": ["-created_at", "-pk"]}
    return [str(key) for key in Profile.objects.order_by(*orders[ordering]).values_list("pk", flat=True)]


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_three_thousand_equal_values_are_paged_forwards_and_backwards(client, ordering):
    vendors(3_000)

    forwards = walk(client, f"{LIST}?ordering={ordering}&page_size=100", "next")
    assert ids(forwards) == expected(ordering)
    assert len(forwards) == 30

    backwards = walk(client, forwards[-1]["previous"], "previous")
    assert ids(reversed(backwards)) == expected(ordering)[:2_900]


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_values_equal_in_part_are_paged_in_every_direction(client, ordering):
    vendors(53, name=lambda number: "abc"[number % 3], moment=lambda number: number % 7)

    forwards = walk(client, f"{LIST}?ordering={ordering}&page_size=5", "next")

    assert ids(forwards) == expected(ordering)
    assert ids(reversed(walk(client, forwards[-1]["previous"], "previous"))) == expected(ordering)[:50]


def test_forwards_and_back_again_is_the_same_page(client):
    vendors(30)
    first = client.get(f"{LIST}?page_size=10").json()
    second = client.get(first["next"]).json()

    again = client.get(second["previous"]).json()

    assert again["results"] == first["results"]
    assert (first["previous"], again["previous"]) == (None, None)
    assert ids([client.get(again["next"]).json()]) == ids([second])


def test_moments_a_microsecond_apart_are_neither_skipped_nor_repeated(client):
    vendors(25, moment=lambda number: number)

    assert ids(walk(client, f"{LIST}?ordering=newest&page_size=1", "next")) == expected("newest")


def test_rows_that_come_and_go_do_not_move_the_others(client):
    vendors(20, name=lambda number: f"m{number:02}")
    first = client.get(f"{LIST}?page_size=10").json()
    Profile.objects.filter(display_name="m03").delete()
    vendors(3, name=lambda number: "a")

    assert [row["display_name"] for row in client.get(first["next"]).json()["results"]] == [
        f"m{number}" for number in range(10, 20)
    ]


def test_links_keep_what_else_was_asked(client):
    vendors(5)
    page = client.get(f"{LIST}?ordering=-name&page_size=2&color=blau").json()

    query = parse_qs(urlsplit(page["next"]).query)
    assert (query["ordering"], query["page_size"], query["color"]) == (["-name"], ["2"], ["blau"])


def test_an_empty_list_is_a_page_without_links(client):
    assert client.get(LIST).json() == {"next": None, "previous": None, "results": []}


@pytest.mark.parametrize(
    ("given", "size"), [("", 20), ("page_size=1", 1), ("page_size=100", 100), ("page_size=999", 100)]
)
def test_a_page_has_twenty_rows_or_as_many_as_asked_up_to_a_hundred(client, given, size):
    vendors(120)

    assert len(client.get(f"{LIST}?{given}").json()["results"]) == size


@pytest.mark.parametrize("given", ["0", "-1", "", "x", "1.5", "٣", "9" * 40, "1e3", "%00"])
def test_a_page_size_that_is_none_is_invalid_input(client, given):
    answer = client.get(f"{LIST}?page_size={given}")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "page_size")


def test_an_unknown_ordering_is_invalid_input(client):
    answer = client.get(f"{LIST}?ordering=password")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "ordering")


def cursor(*values):
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


ID = "018f4e9c-7b1a-7cc2-9d3e-0123456789ab"
BAD_CURSORS = {
    "garbage": ("name", "garbage"),
    "not base64": ("name", "%%%"),
    "not ASCII": ("name", "é"),
    "NUL": ("name", "%00"),
    "no list": ("name", base64.urlsafe_b64encode(b"{}").decode()),
    "a number": ("name", base64.urlsafe_b64encode(b"1").decode()),
    "empty list": ("name", cursor()),
    "deep": ("name", base64.urlsafe_b64encode(b"[" * 50_000).decode()),
    "too few": ("name", cursor(0, "a")),
    "too many": ("name", cursor(0, "a", ID, 1)),
    "odd direction": ("name", cursor(2, "a", ID)),
    "direction as a word": ("name", cursor("0", "a", ID)),
    "null": ("name", cursor(0, None, ID)),
    "a list inside": ("name", cursor(0, ["a"], ID)),
    "an object inside": ("name", cursor(0, {"a": 1}, ID)),
    "no id": ("name", cursor(0, "a", "b")),
    "a number as id": ("name", cursor(0, "a", 2**200)),
    "NUL inside": ("name", cursor(0, "a\0", ID)),
    "half a character": ("name", cursor(0, "\ud800", ID)),
    "no moment": ("newest", cursor(0, "yesterday", ID)),
    "a number as moment": ("newest", cursor(0, 5, ID)),
    "no such day": ("newest", cursor(0, "2026-02-30T00:00:00+00:00", ID)),
    "a moment without zone": ("newest", cursor(0, "2026-02-03T00:00:00", ID)),
}


@pytest.mark.parametrize(("ordering", "given"), BAD_CURSORS.values(), ids=BAD_CURSORS)
def test_a_bad_cursor_is_invalid_input(client, ordering, given):
    vendors(2)

    answer = client.get(LIST, {"ordering": ordering, "cursor": given})

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert answer.json()["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_cursor_at_the_ends_of_time_is_a_position_like_any_other(client, moment):
    vendors(2)

    assert client.get(LIST, {"ordering": "newest", "cursor": cursor(0, moment, ID)}).status_code == 200


def test_a_cursor_of_another_ordering_is_invalid_input(client):
    vendors(5, moment=lambda number: number)
    page = client.get(f"{LIST}?ordering=newest&page_size=2").json()

    answer = client.get(page["next"].replace("ordering=newest", "ordering=mixed"))

    assert answer.status_code == 400


def test_the_cost_of_a_page_does_not_grow(client, django_assert_num_queries):
    vendors(500)
    page = client.get(f"{LIST}?page_size=100").json()
    while page["next"]:
        with django_assert_num_queries(1):
            page = client.get(page["next"]).json()
