from datetime import timedelta
from math import log2

import pytest
from django.test import override_settings
from django.utils import timezone

from orders.models import Order, OrderItem
from orders.tests.factories import OrderItemFactory, ProductFactory
from reviews import jobs
from reviews.models import ProductTrend, Review
from reviews.services import hide_review
from reviews.tests.factories import approved_review, delivered_purchase
from reviews.trends import refresh, refresh_page
from trustengine.jobs.models import Job
from trustengine.jobs.services import publish
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db

WEEK = 7 * 86_400


def sold(product, days_ago=0.0, **fields):
    item = OrderItemFactory(product=product, **fields)
    Order.objects.filter(pk=item.order_id).update(placed_at=timezone.now() - timedelta(days=days_ago))
    return item


def score_of(product):
    return ProductTrend.objects.get(product=product).score


def listed(query=""):
    answer = api_client_for().get(f"/api/v1/products/?ordering=trending{query}").json()
    return [row["id"] for row in answer["results"]], answer


def test_the_score_is_the_logarithm_of_decayed_sales_and_reviews():
    product, now = ProductFactory(), timezone.now()
    review = approved_review(delivered_purchase(product=product))
    Order.objects.filter(pk=review.order_item.order_id).update(placed_at=now - timedelta(days=14))
    Review.objects.filter(pk=review.pk).update(created_at=now - timedelta(days=7))
    sold(product)

    refresh([product.pk])

    # A sale now, a review a half-life ago, a sale two of them ago: 1 + 2/2 + 1/4.
    assert score_of(product) == pytest.approx(now.timestamp() / WEEK + log2(1 + 2 / 2 + 1 / 4), abs=1e-4)


def test_two_half_lives_ago_four_times_as_much_is_worth_the_same():
    old, new = ProductFactory(), ProductFactory()
    for _ in range(4):
        sold(old, days_ago=14)
    sold(new)

    refresh([old.pk, new.pk])

    assert score_of(old) == pytest.approx(score_of(new), abs=1e-4)


def test_what_is_cancelled_refunded_hidden_or_long_past_does_not_count():
    product = ProductFactory()
    sold(product, fulfilment_status=OrderItem.Fulfilment.CANCELLED, cancelled_at=timezone.now())
    sold(product, refunded_at=timezone.now())
    sold(product, days_ago=80)
    review = approved_review(delivered_purchase(product=product))
    Order.objects.filter(pk=review.order_item.order_id).update(placed_at=timezone.now() - timedelta(days=80))
    refresh([product.pk])
    assert ProductTrend.objects.filter(product=product).exists()

    hide_review(review.pk, actor=None, reason="spam")
    refresh([product.pk])

    assert not ProductTrend.objects.filter(product=product).exists()


@override_settings(TREND_HALF_LIFE_DAYS=0.1)
def test_short_half_lives_do_not_overflow():
    product = ProductFactory()
    sold(product)
    refresh([product.pk])
    assert score_of(product) == pytest.approx(timezone.now().timestamp() / 8_640, abs=0.1)


def test_an_order_moves_its_products_a_little_later_and_once_for_many():
    product = ProductFactory()
    for item in [sold(product) for _ in range(3)]:
        publish("orders.order_placed", order_id=item.order_id)
    run_due_jobs()
    waiting = Job.objects.filter(kind="reviews.refresh_trend", state="ready")
    assert waiting.count() == 3

    waiting.update(run_at=timezone.now())
    run_due_jobs()

    assert score_of(product) > 0
    assert len(set(Job.objects.filter(kind="reviews.refresh_trend").values_list("finished_at", flat=True))) == 1


def test_a_counted_review_and_its_takedown_move_the_trend():
    review = approved_review()
    run_due_jobs()
    with_review = score_of(review.product)

    hide_review(review.pk, actor=None, reason="spam")
    run_due_jobs()

    assert score_of(review.product) < with_review  # the sale is left


def test_products_are_listed_by_trend_and_those_without_one_come_last():
    products = [ProductFactory() for _ in range(5)]
    for number, product in enumerate(products[:3]):
        for _ in range(number + 1):
            sold(product)
    refresh([product.pk for product in products])
    expected = [str(product.pk) for product in (*reversed(products[:3]), products[4], products[3])]

    assert listed()[0] == expected
    seen, url = [], "&page_size=2"
    while url:
        ids, answer = listed(url)
        seen += ids
        url = answer["next"] and "&" + answer["next"].partition("?")[2].replace("ordering=trending", "")
    assert seen == expected


def test_the_nightly_job_puts_every_trend_right(monkeypatch):
    monkeypatch.setattr(jobs, "BATCH", 2)
    products = [ProductFactory() for _ in range(5)]
    for product in products[:3]:
        sold(product)
    ProductTrend.objects.create(product=products[4], score=9e9, computed_at=timezone.now())

    jobs.refresh_trends()
    run_due_jobs()

    assert set(ProductTrend.objects.values_list("product", flat=True)) == {product.pk for product in products[:3]}
    assert refresh_page(products[4].pk, size=2) is None


def test_listing_by_trend_costs_the_same_for_any_number_of_products(django_assert_num_queries):
    for product in [ProductFactory() for _ in range(4)]:
        sold(product)
        refresh([product.pk])
    with django_assert_num_queries(1):
        listed()
    for product in [ProductFactory() for _ in range(4)]:
        sold(product)
        refresh([product.pk])
    with django_assert_num_queries(1):
        listed()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": "pending"},
        {"is_hidden": True},
        {"restricted_at": timezone.now()},
        {"deleted_at": timezone.now()},
        {"quarantined_at": timezone.now()},
        {"purchase_refunded_at": timezone.now()},
    ],
)
def test_reviews_count_for_the_trend_as_they_do_for_the_rating(fields):
    """The trend's facts are SQL of its own; this holds it to the one definition."""
    review = approved_review()
    OrderItem.objects.update(refunded_at=timezone.now())
    Review.objects.filter(pk=review.pk).update(**fields)

    refresh([review.product_id])

    counted = Review.objects.counted().filter(pk=review.pk).exists()
    assert ProductTrend.objects.filter(product=review.product_id).exists() == counted
