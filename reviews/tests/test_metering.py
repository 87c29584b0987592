"""Reviews and photos are metered for the vendor of the product, and a hard limit of the vendor's plan stops uploads."""

from functools import partial

import pytest

from billing.models import UsageEvent
from billing.tests.billing_worlds import limited, reserved_of, told, used
from orders.tests.factories import ProductFactory
from reviews.models import ReviewPhoto
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from reviews.tests.pictures import add, picture, post
from trustengine.row_security import Reason, every_row
from trustengine.testing import api_client_for, at_once, run_due_jobs


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


def files(media):
    return [path for path in media.rglob("*") if path.is_file()]


@pytest.mark.django_db
def test_a_review_is_collected_once_and_its_edits_are_not():
    item = delivered_purchase()
    client = api_client_for(item.order.customer.user)
    body = {"product": item.product_id, "order": item.order_id, "rating": 4, "comment": "Good"}

    client.post("/api/v1/reviews/", body)
    client.post("/api/v1/reviews/", {**body, "comment": "Very good"})
    run_due_jobs()

    assert used(item.product.vendor, "reviews_collected") == 1


@pytest.mark.django_db
def test_a_photo_is_metered_as_it_is_kept_and_the_same_again_is_not():
    review = pending_review()
    vendor = review.product.vendor

    add(review)
    add(review)

    photo = ReviewPhoto.objects.get()
    assert (used(vendor, "uploaded_bytes"), used(vendor, "uploaded_pages")) == (photo.size, 1)
    with every_row(Reason.TEST):
        assert set(UsageEvent.objects.values_list("source", flat=True)) == {"photos"}


@pytest.mark.django_db(transaction=True)
def test_without_room_in_the_vendor_s_plan_a_photo_is_refused_and_nothing_is_kept(media):
    review = approved_review()
    limited(review.product.vendor, uploaded_bytes=len(picture()) + 10)
    first = post(review)

    answer = post(review, picture(size=(70, 70)))

    assert (first.status_code, answer.status_code, answer.json()["code"]) == (201, 429, "QUOTA_EXCEEDED")
    assert answer.json()["left"] == len(picture()) + 10 - ReviewPhoto.objects.get().size
    assert int(answer["Retry-After"]) > 0
    assert len([path for path in files(media) if ReviewPhoto.objects.get().name in str(path)]) == 1
    assert len(files(media)) == 1
    assert reserved_of(review.product.vendor) == 0


@pytest.mark.django_db(transaction=True)
def test_photos_at_once_never_pass_the_limit(media):
    vendor = approved_review().product.vendor
    reviews = [approved_review(delivered_purchase(product=ProductFactory(vendor=vendor))) for _ in range(4)]
    limited(vendor, uploaded_bytes=2 * len(picture()) + 100)

    answers = at_once(*[partial(post, review) for review in reviews])

    assert sorted(answer.status_code for answer in answers) == [201, 201, 429, 429]
    assert used(vendor, "uploaded_bytes") == sum(ReviewPhoto.objects.values_list("size", flat=True))
    assert (reserved_of(vendor), len(files(media)), told(vendor)) == (0, 2, 4)


@pytest.mark.django_db(transaction=True)
def test_a_picture_that_is_none_gives_its_room_back():
    review = approved_review()
    limited(review.product.vendor, uploaded_bytes=100_000)

    assert post(review, b"no picture").status_code == 415

    assert (used(review.product.vendor, "uploaded_bytes"), reserved_of(review.product.vendor)) == (0, 0)
