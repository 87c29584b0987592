from math import sqrt

import pytest
from django.test import override_settings

from orders.tests.factories import ProductFactory
from reviews.expressions import HelpfulnessBound, StarAverage, StarCount, StarDeviation, StarSortScore
from reviews.models import ProductRating, Review
from reviews.ratings import counted_stars, display_score
from reviews.tests.factories import approved_review


def rating_of(*stars: int) -> ProductRating:
    rating = ProductRating.objects.create(
        product=ProductFactory(), **{f"stars_{star}": count for star, count in enumerate(stars, start=1)}
    )
    rating.refresh_from_db()
    return rating


@pytest.mark.django_db
def test_the_sort_score_is_the_one_worked_out_by_hand():
    assert rating_of(25, 20, 75, 80, 60).sort_score == pytest.approx(3.345484114981131, abs=1e-12)


@pytest.mark.django_db
@pytest.mark.parametrize("stars", [(1, 0, 0, 0, 0), (0, 0, 0, 0, 3), (7, 3, 2, 5, 90), (1, 1, 1, 1, 1)])
def test_generated_columns_equal_the_textbook(stars):
    values = [star for star, count in enumerate(stars, start=1) for _ in range(count)]
    mean = sum(values) / len(values)

    rating = rating_of(*stars)

    assert rating.count == len(values)
    assert rating.average == pytest.approx(mean)
    assert rating.stddev == pytest.approx(sqrt(sum((value - mean) ** 2 for value in values) / len(values)), abs=1e-9)


@pytest.mark.django_db
def test_a_product_without_reviews_has_no_average_and_the_score_of_the_prior():
    rating = rating_of(0, 0, 0, 0, 0)

    assert (rating.count, rating.average, rating.stddev) == (0, None, None)
    assert rating.sort_score == pytest.approx(3 - 1.96 * sqrt(1 / 3))
    assert display_score(rating) == display_score(None) == 3.5


@pytest.mark.django_db
def test_the_display_score_leans_to_the_prior_until_there_are_reviews():
    rating = rating_of(0, 0, 0, 0, 3)

    assert display_score(rating) == pytest.approx((7 * 3.5 + 15) / 10)
    with override_settings(RATING_PRIOR_MEAN=4.0, RATING_PRIOR_WEIGHT=1.0):
        assert display_score(rating) == pytest.approx((4 + 15) / 4)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("helpful", "unhelpful", "bound"), [(0, 0, 0), (1, 0, 0.206543), (8, 2, 0.490157), (600, 400, 0.569309)]
)
def test_the_helpfulness_bound_is_wilsons(helpful, unhelpful, bound):
    review = approved_review()
    Review.objects.filter(pk=review.pk).update(helpful_votes=helpful, unhelpful_votes=unhelpful)

    review.refresh_from_db()
    assert review.helpfulness == pytest.approx(bound, abs=1e-5)


@pytest.mark.django_db
def test_only_counted_reviews_are_counted():
    review = approved_review(rating=3)
    row = Review.objects.filter(pk=review.pk)
    for field in ("is_hidden", "purchase_refunded_at", "quarantined_at", "restricted_at", "deleted_at"):
        value = True if field == "is_hidden" else review.created_at
        row.update(**{field: value})
        review.refresh_from_db()
        assert not review.is_counted
        assert not Review.objects.counted().exists()
        row.update(**{field: None if field.endswith("_at") else False})
    assert counted_stars(Review.objects.all()).get()["stars_3"] == 1


def test_the_sql_of_generated_columns_has_not_changed_unnoticed():
    """A changed expression makes no migration: whoever changes one writes it by hand, and this digest with it."""
    import hashlib

    sql = "".join(part.sql for part in (StarCount, StarAverage, StarDeviation, StarSortScore, HelpfulnessBound))
    assert hashlib.sha256(sql.encode()).hexdigest()[:16] == "100c4453b3e7b6d9"
