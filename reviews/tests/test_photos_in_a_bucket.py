"""The same photos, kept in a bucket that speaks S3."""

from datetime import timedelta
from io import BytesIO
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest
from django.utils import timezone

from reviews import files
from reviews.models.photo import new_name
from reviews.orphans import delete_orphans
from reviews.services import add_photo, approve_review, withdraw_review
from reviews.tests.bucket import bucket
from reviews.tests.factories import moderator, pending_review
from reviews.tests.pictures import picture
from trustengine.errors import TryAgain
from trustengine.settings.storage import bucket_storage
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")]


def use(settings, url):
    default = bucket_storage("shop", endpoint=url, region="eu-central-1", access_key="id", secret_key="secret")
    settings.STORAGES = {**settings.STORAGES, "default": default}
    settings.S3_BUCKET = "shop"


@pytest.fixture
def shop(settings):
    with bucket() as server:
        use(settings, server.url)
        yield server


def add(review):
    data = picture()
    return add_photo(review.pk, author=review.author, file=BytesIO(data), size=len(data))[0]


def test_photos_live_in_the_bucket_and_are_read_by_signed_addresses_for_minutes(shop):
    review = pending_review()
    photo = add(review)
    run_due_jobs()
    assert set(shop.objects) == set(photo.files)
    url = f"/api/v1/photos/{photo.pk}/"
    assert api_client_for().get(url).status_code == 404

    approve_review(review.pk, actor=moderator())
    answer = api_client_for().get(url)

    assert (answer.status_code, answer["Cache-Control"]) == (302, "private, no-store")
    query = parse_qs(urlsplit(answer["Location"]).query)
    assert query["X-Amz-Expires"] == ["300"]
    assert query["X-Amz-Signature"]
    with urlopen(answer["Location"]) as served:
        assert served.read() == shop.objects[photo.name]
    assert shop.unsigned == []


def test_withdrawing_empties_the_bucket_and_orphans_are_swept(shop):
    review = pending_review()
    add(review)
    run_due_jobs()
    orphan = new_name()
    files.store(orphan, b"left behind")

    withdraw_review(review.pk, author=review.author)
    run_due_jobs()

    assert set(shop.objects) == {orphan}
    assert delete_orphans([orphan.rpartition("/")[0]], now=timezone.now() + timedelta(hours=25)) == 1
    assert shop.objects == {}
    assert files.read(orphan) is None


def test_a_bucket_that_is_away_is_to_be_tried_again(settings):
    with bucket() as server:
        url = server.url
    use(settings, url)

    with pytest.raises(TryAgain):
        add(pending_review())
