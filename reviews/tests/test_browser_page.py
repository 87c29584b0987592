"""A product's page in a real browser, wide and narrow."""

import pytest

from reviews.models import Review
from reviews.tests.factories import approved_review, delivered_purchase
from trustengine.accounts.tests.factories import UserFactory
from trustengine.testing import run_due_jobs
from trustengine.tests.browsing import fits

PASSWORD = "correct horse battery"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


def test_a_reader_narrows_the_reviews_signs_in_and_votes_without_leaving_the_page(page):
    review = approved_review(rating=5, title="Still going")
    approved_review(delivered_purchase(product=review.product), rating=1, title="Broke at once")
    reader = UserFactory(username="reader", password=PASSWORD)

    page.goto(f"/products/{review.product_id}/")
    assert fits(page)
    page.get_by_role("link", name="5 stars: 1 review, 50 percent").click()
    assert page.get_by_role("heading", name="Broke at once").count() == 0
    page.get_by_role("link", name="Sign in to vote").click()
    page.get_by_label("User name").fill(reader.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    helpful = page.get_by_role("button", name="Helpful", exact=True)
    helpful.click()
    page.locator("button[aria-pressed=true]").wait_for()

    assert page.get_by_text("1 found this helpful").is_visible()
    assert "rating=5" in page.url  # still where the reader was
    run_due_jobs()
    assert Review.objects.get(pk=review.pk).helpful_votes == 1

    helpful.click()
    page.locator("button[data-vote=helpful][aria-pressed=false]").wait_for()
    assert page.get_by_text("0 found this helpful").is_visible()
    assert fits(page)
