from math import sqrt

import pytest
from django.utils import timezone

from orders.tests.factories import ProductFactory
from reviews.models import ProductRating, Review
from reviews.ratings import rating_follows
from reviews.services import approve_review, hide_review, reject_review, restore_review, withdraw_review
from reviews.tests.factories import approved_review, delivered_purchase, moderator, pending_review
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.jobs.models import Job
from trustengine.jobs.registry import _subscriptions, handler_of, job
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db


def explained(product, user=None, value="1"):
    return api_client_for(user).get(f"/api/v1/products/{product.pk}/rating/?explain={value}")


def reasons(answer):
    return {row["reason"]: row["reviews"] for row in answer.json()["explanation"]["not_counted"]}


def mark(review, **fields):
    with rating_follows(review):
        for name, value in fields.items():
            setattr(review, name, value)
        review.save(update_fields=list(fields))


def product_with_one_of_each():
    product, now = ProductFactory(), timezone.now()
    for stars in (5, 5, 2):
        approved_review(delivered_purchase(product=product), rating=stars)
    pending_review(delivered_purchase(product=product))
    rejected = pending_review(delivered_purchase(product=product))
    reject_review(rejected.pk, actor=None, reason="spam")
    hide_review(approved_review(delivered_purchase(product=product)).pk, actor=None, reason="spam")
    mark(approved_review(delivered_purchase(product=product)), purchase_refunded_at=now)
    mark(approved_review(delivered_purchase(product=product)), purchase_refunded_at=now, quarantined_at=now)
    mark(approved_review(delivered_purchase(product=product)), quarantined_at=now)
    mark(approved_review(delivered_purchase(product=product)), restricted_at=now)
    gone = approved_review(delivered_purchase(product=product))
    withdraw_review(gone.pk, author=gone.author)
    return product


def test_each_review_is_told_once_with_the_first_reason_that_keeps_it_out():
    answer = explained(product_with_one_of_each(), moderator())

    assert answer.json()["explanation"]["counted"] == answer.json()["count"] == 3
    kept_out = {"pending": 1, "rejected": 1, "hidden": 1, "removed": 0, "refunded": 2, "quarantined": 1}
    assert reasons(answer) == {**kept_out, "restricted": 1}


def test_the_public_is_told_what_does_not_count_and_why_and_not_how_much_of_it():
    product = product_with_one_of_each()
    member = MembershipFactory(profile=product.vendor, role="owner").user

    for someone in (None, UserFactory(), member):
        answer = explained(product, someone)
        assert answer.json()["explanation"]["counted"] == 3
        assert reasons(answer) == dict.fromkeys(["pending", "rejected", "removed", "hidden", "refunded", "quarantined"])
        assert all(row["meaning"] for row in answer.json()["explanation"]["not_counted"])


def test_restricted_reviews_are_told_to_moderators_only():
    product = product_with_one_of_each()
    someone = Review.objects.filter(restricted_at__isnull=False).get().author

    assert "restricted" not in reasons(explained(product))
    assert reasons(explained(product, someone)) == reasons(explained(product))
    assert reasons(explained(product, moderator()))["restricted"] == 1


def test_anyone_can_compute_the_rating_again_from_what_is_told():
    answer = explained(product_with_one_of_each()).json()
    given = answer["explanation"]["values"]
    n, total, squares = given["n"], given["total"], given["squares"]
    mean, second = (total + 15) / (n + 5), (squares + 55) / (n + 5)
    expected = {
        "average": total / n,
        "stddev": sqrt(squares / n - (total / n) ** 2),
        "display_score": (given["C"] * given["m"] + total) / (given["C"] + n),
        "sort_score": mean - given["z"] * sqrt((second - mean**2) / (n + 6)),
    }

    assert (n, total, squares) == (3, 12, 54)
    told = {row["name"]: row["value"] for row in answer["explanation"]["formulas"]}
    assert told == pytest.approx(expected)
    assert answer["sort_score"] == pytest.approx(expected["sort_score"])


def test_without_being_asked_nothing_is_explained():
    product = ProductFactory()

    assert "explanation" not in api_client_for().get(f"/api/v1/products/{product.pk}/rating/").json()
    assert "explanation" not in explained(product, value="0").json()
    assert explained(product, value="perhaps").json()["code"] == "INVALID_INPUT"
    assert explained(product).json()["explanation"]["counted"] == 0


def test_explaining_costs_the_same_for_any_number_of_reviews(django_assert_num_queries):
    product = product_with_one_of_each()
    with django_assert_num_queries(4):
        explained(product)
    for _ in range(8):
        approved_review(delivered_purchase(product=product))
    with django_assert_num_queries(4):
        explained(product)


@pytest.fixture
def told(monkeypatch):
    """What ``reviews.rating_changed`` has told so far: (count, average)."""
    heard = []
    from reviews import ratings

    def listen(event, **payload):
        if event == "reviews.rating_changed":
            heard.append((payload["count"], payload["average"]))
        return publish(event, **payload)

    publish = ratings.publish
    monkeypatch.setattr(ratings, "publish", listen)
    return heard


def test_the_first_review_ten_more_and_half_a_star_are_told_and_nothing_between(told):
    product = ProductFactory()

    for _ in range(12):
        approved_review(delivered_purchase(product=product), rating=5)
    assert told == [(1, 5.0), (11, 5.0)]
    for _ in range(2):
        approved_review(delivered_purchase(product=product), rating=1)

    assert told == [(1, 5.0), (11, 5.0), (14, pytest.approx(62 / 14))]


def test_many_small_changes_add_up_against_what_was_told_last(told):
    product = ProductFactory()
    for stars in [5, *[4] * 4]:
        approved_review(delivered_purchase(product=product), rating=stars)

    assert [count for count, _ in told] == [1, 2]
    for _ in range(2):
        approved_review(delivered_purchase(product=product), rating=1)
    assert [count for count, _ in told] == [1, 2, 6]


def test_losing_the_last_review_is_told_and_a_change_that_is_taken_back_is_none(told):
    review = approved_review()
    hide_review(review.pk, actor=None, reason="spam")
    restore_review(review.pk, actor=None, reason="no_violation")

    assert told == [(1, 4.0), (0, None), (1, 4.0)]
    assert ProductRating.objects.get(product=review.product_id).told_count == 1


def test_subscribers_get_the_product_with_its_count_and_average():
    heard = []

    @job(queue="low")
    def hear_rating_change(**payload):
        heard.append(payload)

    from trustengine.jobs.registry import subscribe

    subscribe("reviews.rating_changed")(hear_rating_change)
    try:
        review = approve_review(pending_review().pk, actor=None)
        run_due_jobs()
    finally:
        _subscriptions["reviews.rating_changed"] = [
            each
            for each in _subscriptions["reviews.rating_changed"]
            if each.handler is not handler_of(hear_rating_change)
        ]

    assert heard == [{"product_id": str(review.product_id), "count": 1, "average": 4.0}]
    assert Job.objects.filter(kind="reviews.forget_stale_answers", key=str(review.product_id), state="done").exists()
