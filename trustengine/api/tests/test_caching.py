"""What caches may keep of public answers, and what they must not."""

import pytest
from django.core.cache import cache
from django.utils import timezone

from orders.models import Product
from orders.tests.factories import ProductFactory
from reviews.models import Review
from reviews.services import edit_review, hide_review
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache():
    cache.clear()
    yield
    cache.clear()


def pages_of(review):
    product = f"/api/v1/products/{review.product_id}/"
    return ["/api/v1/products/", product, f"{product}reviews/", f"{product}rating/", f"/api/v1/reviews/{review.pk}/"]


def test_public_answers_say_how_long_they_may_be_kept(settings):
    settings.PUBLIC_MAX_AGE_SECONDS = 12
    for page in pages_of(approved_review()):
        answer = api_client_for().get(page)
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "public, max-age=12, stale-while-revalidate=60, stale-if-error=3600"
        assert answer["ETag"].startswith('"')
        assert "Authorization" in answer["Vary"]


def test_answers_to_a_token_are_private():
    review = approved_review()
    for page in pages_of(review):
        for user in (review.author, UserFactory()):
            assert api_client_for(user).get(page)["Cache-Control"] == "private, no-cache"


def test_who_has_an_answer_already_is_told_so_and_a_change_is_sent():
    review = approved_review()
    for page in pages_of(review):
        first = api_client_for().get(page)
        again = api_client_for().get(page, HTTP_IF_NONE_MATCH=f'"other", {first["ETag"]}')
        assert (again.status_code, again.content) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert again[name] == first[name]

    rating, before = pages_of(review)[3], api_client_for().get(pages_of(review)[3])["ETag"]
    approved_review(delivered_purchase(product=review.product), rating=1)
    assert api_client_for().get(rating, HTTP_IF_NONE_MATCH=before).status_code == 200


def test_refusals_are_not_kept():
    for page in ("/api/v1/products/018f6d1e-0000-7000-8000-000000000030/rating/", "/api/v1/products/?ordering=x"):
        answer = api_client_for().get(page)
        assert answer.status_code in {400, 404}
        assert answer["Cache-Control"] == "no-store"
        assert "ETag" not in answer


def test_head_has_the_headers_of_get():
    page = pages_of(approved_review())[2]
    get, head = api_client_for().get(page), api_client_for().head(page)

    assert (head.status_code, head["ETag"], head["Cache-Control"]) == (200, get["ETag"], get["Cache-Control"])


def test_writing_at_the_same_address_is_not_cacheable():
    review = approved_review()

    answer = api_client_for(review.author).patch(f"/api/v1/reviews/{review.pk}/", {"comment": "New words"})

    assert answer.status_code == 200
    assert "ETag" not in answer
    assert "public" not in answer.get("Cache-Control", "")


def test_nothing_that_is_not_public_shows_in_an_etag():
    review = approved_review()
    product = review.product
    hidden_from_all = approved_review(delivered_purchase(product=product))
    Review.objects.filter(pk=hidden_from_all.pk).update(restricted_at=timezone.now())
    pages = [page for page in pages_of(review) if "rating" not in page]  # whose counters are the services' to move
    before = [api_client_for().get(page)["ETag"] for page in pages]

    Review.objects.filter(pk=hidden_from_all.pk).update(comment="Changed", helpful_votes=9, report_count=3)
    edit_review(review.pk, author=review.author, changes={"comment": "A revision that waits"})
    Review.objects.filter(pk=review.pk).update(edit_count=0, edited_at=None, updated_at=review.updated_at)
    pending_review(delivered_purchase(product=product))

    assert [api_client_for().get(page)["ETag"] for page in pages] == before


def test_a_takedown_changes_every_page_and_forgets_what_was_kept_for_outages():
    review = approved_review()
    pages = pages_of(review)
    before = [api_client_for().get(page)["ETag"] for page in pages]
    kept = [f"stale:{page}?" for page in pages[1:4]]
    assert all(cache.get(name) for name in kept)

    hide_review(review.pk, actor=None, reason="spam")
    run_due_jobs()

    assert not any(cache.get(name) for name in kept)
    after = [api_client_for().get(page) for page in pages]
    assert [answer.status_code for answer in after] == [200, 200, 200, 200, 404]
    assert not {answer["ETag"] for answer in after[:4]} & set(before)


@pytest.mark.parametrize("page", ["products", "product", "rating", "review"])
def test_public_pages_cost_the_same_for_any_number_of_rows(page, django_assert_num_queries):
    review = approved_review()
    paths = dict(zip(["products", "product", "reviews", "rating", "review"], pages_of(review), strict=True))
    queries = {"products": 1, "product": 1, "rating": 3, "review": 3}[page]
    with django_assert_num_queries(queries):
        assert api_client_for().get(paths[page]).status_code == 200
    for _ in range(3):
        approved_review(delivered_purchase(product=review.product))
        approved_review(delivered_purchase(product=ProductFactory()))
    assert Product.objects.count() == 4
    with django_assert_num_queries(queries):
        assert api_client_for().get(paths[page]).status_code == 200
