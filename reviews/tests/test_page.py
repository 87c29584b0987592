"""The public page of a product's reviews, as a browser without scripts gets it."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orders.tests.factories import ProductFactory
from reviews.models import ReviewVote
from reviews.services import hide_review
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from trustengine.accounts.tests.factories import MembershipFactory, StaffFactory, UserFactory
from trustengine.testing import bearer, run_due_jobs

pytestmark = pytest.mark.django_db


def page(product, query="", client=None):
    return (client or Client()).get(f"/products/{product.pk}/{query}")


def test_it_shows_what_is_public_and_nothing_else():
    shown = approved_review(rating=4, title="Steady and quiet", comment="First line.\n\nSecond paragraph.")
    hidden = approved_review(delivered_purchase(product=shown.product), title="Hidden words")
    hide_review(hidden.pk, actor=None, reason="spam")
    pending_review(delivered_purchase(product=shown.product), title="Waiting words")

    text = page(shown.product).content.decode()

    assert "Steady and quiet" in text
    assert "<p>Second paragraph.</p>" in text
    assert "Verified purchase" in text
    assert "4 out of 5 stars" in text
    assert "Hidden words" not in text
    assert "Waiting words" not in text


def test_what_people_write_is_escaped():
    review = approved_review(title="<script>alert(1)</script>", comment='"><img src=x onerror=alert(1)>')

    text = page(review.product).content.decode()

    assert "<script>alert" not in text
    assert "<img src=x" not in text


def test_a_product_without_reviews_says_so_and_an_unknown_one_is_a_page_too():
    assert "Nobody has written a review yet." in page(ProductFactory()).content.decode()
    unknown = Client().get("/products/00000000-0000-7000-8000-000000000000/")
    assert unknown.status_code == 404
    assert "Not found" in unknown.content.decode()


def test_choices_narrow_and_sort_the_list_and_unusable_ones_are_left_out_and_told():
    low = approved_review(rating=1, title="Broke at once")
    approved_review(delivered_purchase(product=low.product), rating=5, title="Still going")

    assert "Still going" not in page(low.product, "?rating=1").content.decode()
    lowest_first = page(low.product, "?ordering=lowest").content.decode()
    assert lowest_first.index("Broke at once") < lowest_first.index("Still going")
    told = page(low.product, f"?rating=9&ordering=odd&cursor=nonsense&search={'x' * 201}").content.decode()
    assert "Left out, because it cannot be used: ordering, rating, search." in told
    assert "Still going" in told


def test_the_public_page_may_be_cached_and_a_readers_own_may_not():
    review = approved_review()
    public = page(review.product)
    again = Client().get(f"/products/{review.product_id}/", headers={"If-None-Match": public["ETag"]})
    reader = Client()
    reader.force_login(UserFactory())
    own = page(review.product, client=reader)

    assert "public" in public["Cache-Control"]
    assert again.status_code == 304
    assert "private" in own["Cache-Control"]
    assert "Cookie" in own["Vary"]


def test_more_reviews_cost_no_more_queries():
    first = approved_review()
    reader = Client()
    reader.force_login(UserFactory())
    page(first.product, client=reader)  # the session's first
    with CaptureQueriesContext(connection) as few:
        page(first.product, client=reader)
    for _ in range(6):
        approved_review(delivered_purchase(product=first.product))
    with CaptureQueriesContext(connection) as many:
        page(first.product, client=reader)

    assert len(many) == len(few)


def test_a_vote_by_form_counts_and_is_shown_as_ones_own_and_can_be_taken_back():
    review = approved_review()
    voter = UserFactory()
    client = Client()
    client.force_login(voter)
    here = f"/products/{review.product_id}/"

    answer = client.post(f"/reviews/{review.pk}/vote/", {"vote_type": "helpful", "next": here})
    run_due_jobs()

    assert (answer.status_code, answer["Location"]) == (302, f"{here}#review-{review.pk}")
    assert ReviewVote.objects.get(review_id=review.pk, user_id=voter.pk).helpful
    assert 'value="none" aria-pressed="true">Helpful' in page(review.product, client=client).content.decode()

    client.post(f"/reviews/{review.pk}/vote/", {"vote_type": "none", "next": here})
    assert not ReviewVote.objects.filter(review_id=review.pk).exists()


def test_a_vote_by_form_keeps_where_it_came_from_like_one_over_the_api():
    review, client = approved_review(), Client(REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT="Reader/1")
    client.force_login(UserFactory())

    client.post(f"/reviews/{review.pk}/vote/", {"vote_type": "helpful", "next": "/"})

    vote = ReviewVote.objects.get(review_id=review.pk)
    assert vote.ip_hash
    assert vote.agent_hash


def test_a_refused_vote_is_told_on_the_page_and_to_a_script():
    review = approved_review()
    member = MembershipFactory(profile=review.product.vendor).user
    client = Client()
    client.force_login(member)
    where = f"/reviews/{review.pk}/vote/"
    form = {"vote_type": "helpful", "next": f"/products/{review.product_id}/"}

    assert "You belong to the vendor of this product." in client.post(where, form, follow=True).content.decode()
    by_script = client.post(where, form, headers={"Accept": "application/json"})
    assert (by_script.status_code, by_script.json()["code"]) == (403, "CONFLICT_OF_INTEREST")
    assert client.post(where, {"vote_type": "up"}, headers={"Accept": "application/json"}).status_code == 400


def test_a_stranger_is_sent_to_sign_in_and_back_to_this_host_only():
    review = approved_review()
    answer = Client().post(f"/reviews/{review.pk}/vote/", {"vote_type": "helpful", "next": "//evil.example/"})

    assert answer["Location"] == "/sign-in/?next=%2F"
    assert Client().get("/sign-in/?next=/products/").status_code == 200


def test_a_vote_needs_the_csrf_token():
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory())

    assert client.post(f"/reviews/{approved_review().pk}/vote/", {"vote_type": "helpful"}).status_code == 403


def test_a_token_begins_a_session_for_customers_and_never_for_staff():
    customer, client = UserFactory(), Client()

    begun = client.post("/api/v1/auth/session/", headers={"Authorization": bearer(customer)})
    assert begun.status_code == 204
    assert client.session["_auth_user_id"] == str(customer.pk)
    assert client.delete("/api/v1/auth/session/").status_code == 204
    assert "_auth_user_id" not in client.session
    assert Client().post("/api/v1/auth/session/").status_code == 401
    staff = Client().post("/api/v1/auth/session/", headers={"Authorization": bearer(StaffFactory())})
    assert (staff.status_code, staff.json()["code"]) == (403, "PERMISSION_DENIED")


def test_reads_by_nobody_in_particular_are_limited_by_address_and_told_as_a_page(settings):
    settings.ANONYMOUS_READS_PER_MINUTE = 1
    path, address = f"/products/{ProductFactory().pk}/", "2001:db8:a11::1"
    assert Client().get(path, REMOTE_ADDR=address).status_code == 200

    refused = Client().get(path, REMOTE_ADDR=address)
    reader = Client()
    reader.force_login(UserFactory())

    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert "Reload this page" in refused.content.decode()
    assert reader.get(path, REMOTE_ADDR=address).status_code == 200
