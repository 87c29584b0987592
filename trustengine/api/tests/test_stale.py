"""Answers that are kept for when the database is away: the real cache, a database that is not to be found."""

import json
from contextlib import contextmanager

import pytest
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client

from reviews.services import hide_review
from reviews.tests.factories import approved_review, moderator
from trustengine.api import stale
from trustengine.testing import api_client_for, bearer, run_due_jobs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch):
    monkeypatch.setattr(stale, "_store", stale._Store())
    cache.clear()
    yield
    cache.clear()


@contextmanager
def database_away():
    connections.close_all()
    host = connection.settings_dict["HOST"]
    connection.settings_dict["HOST"] = "/nowhere"
    try:
        yield
    finally:
        connections.close_all()
        connection.settings_dict["HOST"] = host


@pytest.fixture
def browser():
    return Client(raise_request_exception=False)


def get(path, **headers):
    return api_client_for().get(path, **headers)


def page_of(review):
    return f"/api/v1/products/{review.product_id}/reviews/"


def test_an_answer_given_before_is_served_marked_as_stale():
    page = page_of(approved_review())
    fresh = get(page)

    with database_away():
        kept = get(page)

    assert (kept.status_code, json.loads(kept.content)) == (200, json.loads(fresh.content))
    assert (kept["X-Stale"], kept["Warning"]) == ("true", '110 - "Response is Stale"')
    assert int(kept["Age"]) < 60
    assert "X-Stale" not in fresh
    assert "X-Stale" not in get(page)


@pytest.mark.parametrize("query", ["?search=x", "?cursor=abc", "?ordering=sideways", "?ordering=newest&rating=5"])
def test_only_the_first_page_of_each_ordering_is_kept(query):
    page = page_of(approved_review())
    get(f"{page}?ordering=newest")
    get(f"{page}{query}")

    with database_away():
        assert get(f"{page}?ordering=newest").status_code == 200
        assert get(f"{page}{query}").status_code == 503


def test_what_somebody_sees_with_a_token_is_neither_kept_nor_given_out_to_others():
    review = approved_review()
    page, user = page_of(review), review.author
    assert get(page, HTTP_AUTHORIZATION=bearer(user)).status_code == 200

    with database_away():
        assert get(page).status_code == 503


def test_other_answers_than_200_are_not_kept():
    missing = "/api/v1/products/0190f3c2-7e7b-7c3d-8f00-000000000000/rating/"
    assert get(missing).status_code == 404

    with database_away():
        assert get(missing).status_code == 503


def test_an_answer_is_stored_once_in_a_while(settings):
    page = page_of(approved_review())
    get(page)
    cache.clear()

    get(page)
    with database_away():
        assert get(page).status_code == 503  # not due yet

    settings.STALE_REFRESH_SECONDS = 0
    get(page)
    with database_away():
        assert get(page).status_code == 200


def test_a_busy_database_is_no_absent_one():
    """A lock timeout tells to try again; what is kept is for when there is nobody to ask."""
    page = page_of(approved_review())
    get(page)

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '100ms'")
    blocker = connections.create_connection("default")
    try:
        blocker.set_autocommit(False)
        blocker.cursor().execute("LOCK TABLE reviews_review IN ACCESS EXCLUSIVE MODE")
        answer = get(page)
    finally:
        blocker.rollback()
        blocker.close()
        connection.close()

    assert (answer.status_code, answer.json()["code"]) == (503, "TRY_AGAIN")


def test_what_is_taken_down_does_not_come_back_with_an_outage():
    review = approved_review()
    page = page_of(review)
    assert get(page).json()["results"]

    hide_review(review.pk, actor=moderator(), reason="spam")
    run_due_jobs()

    with database_away():
        assert get(page).status_code == 503


@pytest.mark.parametrize("page", ["", "rating/", "reviews/", "reviews/?ordering=helpful"])
def test_a_product_its_rating_and_first_reviews_are_marked_and_not_to_be_kept_further(page):
    address = f"/api/v1/products/{approved_review().product_id}/{page}"
    fresh = get(address)

    with database_away():
        kept = get(address, HTTP_IF_NONE_MATCH=fresh["ETag"])

    assert (kept.status_code, json.loads(kept.content)) == (200, json.loads(fresh.content))
    assert (kept["X-Stale"], kept["Cache-Control"]) == ("true", "no-store")
    assert "ETag" not in kept


@pytest.mark.parametrize("query", ["", "?ordering=score", "?ordering=-created_at", "?ordering=price"])
def test_the_list_of_products_is_kept_too(query):
    approved_review()
    fresh = get(f"/api/v1/products/{query}")

    with database_away():
        kept = get(f"/api/v1/products/{query}")

    assert (kept.status_code, kept["X-Stale"], kept.json()) == (200, "true", fresh.json())


@pytest.mark.parametrize("signed_in", [False, True])
def test_the_buyers_page_is_kept_and_says_how_old_it_is(browser, signed_in):
    review = approved_review()
    page = f"/products/{review.product_id}/?ordering=newest"
    fresh = browser.get(page)
    if signed_in:
        browser.force_login(review.author)

    with database_away():
        kept = browser.get(page)
        missing = browser.get("/products/0190f3c2-7e7b-7c3d-8f00-000000000000/")

    assert kept.status_code == 200
    assert (kept["X-Stale"], kept["Cache-Control"]) == ("true", "no-store")
    assert review.comment in kept.content.decode()
    assert "This page is shown as it was" in kept.content.decode()
    assert "This page is shown as it was" not in fresh.content.decode()
    assert missing.status_code == 503


def test_the_page_of_somebody_signed_in_is_never_kept(browser):
    review = approved_review()
    browser.force_login(review.author)
    browser.get(f"/products/{review.product_id}/")
    browser.logout()

    with database_away():
        assert browser.get(f"/products/{review.product_id}/").status_code == 503


def test_a_takedown_deletes_the_kept_page_and_list(browser):
    review = approved_review()
    pages = [f"/products/{review.product_id}/", "/api/v1/products/"]
    for page in pages:
        browser.get(page)
    hide_review(review.pk, actor=moderator(), reason="spam")
    run_due_jobs()

    with database_away():
        assert [browser.get(page).status_code for page in pages] == [503, 503]
