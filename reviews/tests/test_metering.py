"""Reviews and photos are metered for the vendor of the product, and a hard limit of the vendor's plan stops uploads."""

from functools import partial

import pgtrigger
import pytest

from billing.models import UsageEvent, UsagePeriod
from billing.services.uploads import give_back
from billing.tests.billing_worlds import limited, reserved_of, told, used
from orders.tests.factories import ProductFactory
from reviews.models import ReviewPhoto
from reviews.services import delete_photo, withdraw_review
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from reviews.tests.pictures import add, picture, post
from trustengine.accounts.tests.factories import UserFactory
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


# What one author may use of another's plan


@pytest.mark.django_db
def test_a_deleted_photo_is_given_back_once():
    review = pending_review()
    vendor, author = review.product.vendor, review.author
    for size in ((70, 70), (80, 80)):
        add(review, size)
        photo = ReviewPhoto.objects.get()
        assert used(vendor, "uploaded_bytes") == photo.size
        delete_photo(review.pk, photo.pk, author=author)
        give_back(vendor.pk, source="photos", file_id=photo.pk)  # repeated, as after a crash

        assert (used(vendor, "uploaded_bytes"), used(vendor, "uploaded_pages")) == (0, 0)


@pytest.mark.django_db
def test_uploading_and_deleting_burns_nothing_of_a_vendor_s_plan():
    review = approved_review()
    limited(review.product.vendor, uploaded_bytes=2 * len(picture()) + 100)
    for number in range(6):
        assert post(review, picture(size=(70 + number, 70))).status_code == 201
        delete_photo(review.pk, ReviewPhoto.objects.get().pk, author=review.author)

    assert post(review).status_code == 201


@pytest.mark.django_db
def test_a_withdrawn_review_gives_its_photos_back():
    review = approved_review()
    add(review)
    withdraw_review(review.pk, author=review.author)
    run_due_jobs()

    assert used(review.product.vendor, "uploaded_bytes") == 0


@pytest.mark.django_db
def test_a_photo_of_a_former_month_is_not_given_back_from_this_one():
    review = pending_review()
    add(review)
    photo, vendor = ReviewPhoto.objects.get(), review.product.vendor
    with every_row(Reason.TEST), pgtrigger.ignore("billing.UsageEvent:told_once"):
        UsageEvent.objects.update(month="2020-01-01")
        UsagePeriod.objects.update(month="2020-01-01")

    delete_photo(review.pk, photo.pk, author=review.author)

    assert used(vendor, "uploaded_bytes") == photo.size


@pytest.mark.django_db
def test_each_author_has_a_share_of_a_vendor_s_plan(settings, media):
    settings.UPLOAD_SHARE_PERCENT = 20
    review, vendor_size = approved_review(), 10 * len(picture())
    other = approved_review(delivered_purchase(product=review.product))
    limited(review.product.vendor, uploaded_bytes=vendor_size)
    statuses = [post(review, picture(size=(70 + number, 70))).status_code for number in range(4)]

    assert statuses[0] == 201
    assert statuses[-1] == 429
    assert used(review.product.vendor, "uploaded_bytes") <= vendor_size * 20 // 100 + len(picture())
    assert len(files(media)) == statuses.count(201), "what was refused is not kept"
    assert post(other).status_code == 201, "another author has a share of their own"


@pytest.mark.django_db
def test_one_photo_is_always_within_the_share(settings):
    settings.UPLOAD_SHARE_PERCENT = 1
    review = approved_review()
    limited(review.product.vendor, uploaded_bytes=3 * len(picture()))

    assert post(review).status_code == 201
    assert post(review, picture(size=(70, 70))).status_code == 429


@pytest.mark.django_db
def test_withdrawing_and_writing_again_collects_no_further_review():
    item = delivered_purchase()
    client = api_client_for(item.order.customer.user)
    body = {"product": item.product_id, "order": item.order_id, "rating": 4}
    for _ in range(3):
        review = client.post("/api/v1/reviews/", body).json()["id"]
        client.delete(f"/api/v1/reviews/{review}/")
    run_due_jobs()

    assert used(item.product.vendor, "reviews_collected") == 1


@pytest.mark.django_db
@pytest.mark.parametrize("setting", ["PHOTOS_PER_DAY", "REVIEW_WRITES_PER_DAY"])
def test_what_costs_moderators_and_vendors_is_bounded_by_day(settings, setting):
    setattr(settings, setting, 2)
    review = approved_review()

    assert [post(review, picture(size=(70 + number, 70))).status_code for number in range(3)] == [201, 201, 429]


@pytest.mark.django_db
def test_reports_are_bounded_by_day(settings):
    settings.REPORTS_PER_DAY = 2
    client = api_client_for(UserFactory())
    contents = [approved_review().pk for _ in range(3)]
    bodies = [{"content_type": "review", "content_id": content, "reason": "spam"} for content in contents]

    assert [client.post("/api/v1/reports/", body).status_code for body in bodies] == [201, 201, 429]
