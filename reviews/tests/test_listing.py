from datetime import timedelta

import pytest
from django.utils import timezone

from orders.tests.factories import ProductFactory
from reviews.models import Review
from reviews.tests.factories import approved_review, delivered_purchase
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db


def get(product, query=""):
    return api_client_for().get(f"/api/v1/products/{product.pk}/reviews/{query}")


def paged(product, ordering):
    seen, url = [], f"?ordering={ordering}&page_size=2"
    while url:
        answer = get(product, url).json()
        seen += [row["id"] for row in answer["results"]]
        url = answer["next"] and "?" + answer["next"].partition("?")[2]
    return seen


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("helpful", [1, 4, 3, 2, 0]),
        ("highest", [4, 3, 2, 0, 1]),
        ("lowest", [1, 4, 3, 2, 0]),
        ("newest", [4, 3, 2, 1, 0]),
    ],
)
def test_equal_values_are_ordered_by_the_newest_whatever_their_ids(ordering, expected):
    """The ids run against the times here; the second review has one star and all the votes."""
    product, now = ProductFactory(), timezone.now()
    reviews = [
        approved_review(delivered_purchase(product=product), rating=1 if number == 1 else 4) for number in range(5)
    ]
    reviews.sort(key=lambda review: review.pk, reverse=True)
    for number, review in enumerate(reviews):
        values = {"rating": 4, "helpful_votes": 0} if number != 1 else {"rating": 1, "helpful_votes": 9}
        created = now - timedelta(days=9 - number)
        Review.objects.filter(pk=review.pk).update(created_at=created, **values)

    assert paged(product, ordering) == [str(reviews[number].pk) for number in expected]


@pytest.mark.parametrize("value", ["x", "2", "yes please", "null", "true,false"])
def test_a_word_that_is_neither_true_nor_false_is_refused(value):
    answer = get(ProductFactory(), f"?verified={value}")

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert [error["field"] for error in answer.json()["errors"]] == ["verified"]


@pytest.mark.parametrize(("value", "count"), [("true", 1), ("True", 1), ("1", 1), ("false", 1), ("0", 1), ("", 2)])
def test_reviews_are_filtered_by_proof_of_delivery(value, count):
    product = ProductFactory()
    approved_review(delivered_purchase(product=product))
    other = approved_review(delivered_purchase(product=product))
    Review.objects.filter(pk=other.pk).update(verification="ordered")

    found = get(product, f"?verified={value}").json()["results"]

    assert len(found) == count
    if value == "false":
        assert found[0]["id"] == str(other.pk)


@pytest.mark.parametrize("ordering", ["helpful", "highest", "lowest", "newest"])
def test_a_page_of_reviews_costs_the_same_for_any_number(ordering, django_assert_num_queries):
    product = ProductFactory()
    for _ in range(4):
        approved_review(delivered_purchase(product=product))
    with django_assert_num_queries(4):
        get(product, f"?ordering={ordering}")
    for _ in range(4):
        approved_review(delivered_purchase(product=product))
    with django_assert_num_queries(4):
        get(product, f"?ordering={ordering}")
