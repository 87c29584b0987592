"""Reviews say when they were last edited."""

import pytest

from reviews.services import edit_review
from reviews.tests.factories import approved_review
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db


def shown(review, user=None):
    return api_client_for(user).get(f"/api/v1/reviews/{review.pk}/").json()


def test_a_review_that_was_never_edited_says_so():
    assert shown(approved_review())["edited_at"] is None


def test_a_review_says_when_it_was_last_edited():
    review = approved_review()
    edit_review(review.pk, author=review.author, changes={"comment": "Better words."})
    first = shown(review, review.author)["edited_at"]
    edit_review(review.pk, author=review.author, changes={"comment": "Still better words."})

    again = shown(review, review.author)
    assert first < again["edited_at"]
    assert again["edited_at"] == again["pending_revision"]["created_at"]
    listed = api_client_for().get(f"/api/v1/products/{review.product_id}/reviews/").json()["results"]
    assert [each["edited_at"] for each in listed] == [again["edited_at"]]


def test_the_same_text_again_is_no_edit():
    review = approved_review()
    edit_review(review.pk, author=review.author, changes={"comment": review.comment})

    assert shown(review)["edited_at"] is None


def test_the_page_says_when(client):
    review = approved_review()
    edit_review(review.pk, author=review.author, changes={"comment": "Better words."})
    review.refresh_from_db()

    page = client.get(f"/products/{review.product_id}/").content.decode()
    assert f'Edited <time datetime="{review.edited_at:%Y-%m-%d}' in page
