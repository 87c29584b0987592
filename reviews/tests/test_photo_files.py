"""The files behind photos: thumbnails, deletion, orphans, and a storage that fails."""

from datetime import timedelta
from functools import partial
from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image

from reviews import files
from reviews.jobs import delete_files, sweep_files
from reviews.models import Review, ReviewPhoto
from reviews.models.photo import new_name, thumbnail_name
from reviews.orphans import delete_orphans, folders_of
from reviews.services import (
    withdraw_review,
)
from reviews.tests.factories import approved_review, pending_review
from reviews.tests.pictures import add, post
from trustengine.errors import InvalidTransition, TryAgain
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for, at_once, run_due_jobs


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


def stored():
    return sorted(str(path.relative_to(default_storage.location)) for path in _files())


def _files():
    from pathlib import Path

    return [path for path in Path(default_storage.location).rglob("*") if path.is_file()]


def code_of(answer):
    return answer.status_code, answer.json()["code"]


@pytest.mark.django_db
def test_a_job_makes_the_thumbnail(settings):
    settings.THUMBNAIL_EDGE = 32
    review = pending_review()
    photo = add(review, (200, 100))
    run_due_jobs()

    photo.refresh_from_db()
    assert photo.has_thumbnail
    answer = api_client_for(review.author).get(f"/api/v1/photos/{photo.pk}/thumbnail/")
    assert Image.open(BytesIO(answer.content)).size == (32, 16)


@pytest.mark.django_db
def test_deleting_a_photo_deletes_its_files_and_what_waited_for_it_alone():
    review = approved_review()
    photo = add(review)
    run_due_jobs()
    assert len(stored()) == 2

    client = api_client_for(review.author)
    assert client.delete(f"/api/v1/reviews/{review.pk}/photos/{photo.pk}/").status_code == 204
    run_due_jobs()

    assert stored() == []
    assert not Review.objects.pending().exists()
    assert client.delete(f"/api/v1/reviews/{review.pk}/photos/{photo.pk}/").status_code == 404


@pytest.mark.django_db
def test_withdrawing_a_review_deletes_its_photos():
    review = approved_review()
    photo = add(review)
    run_due_jobs()

    withdraw_review(review.pk, author=review.author)
    assert api_client_for(review.author).get(f"/api/v1/photos/{photo.pk}/").status_code == 404
    run_due_jobs()

    assert stored() == []
    assert not ReviewPhoto.objects.exists()


@pytest.mark.django_db
def test_files_without_a_row_are_swept_once_they_are_old():
    kept = add(pending_review())
    orphan, its_thumbnail = new_name(), None
    its_thumbnail = thumbnail_name(orphan)
    for name in (orphan, its_thumbnail):
        files.store(name, b"left behind")
    folders = [f"photos/{number:02x}" for number in range(256)]

    assert delete_orphans(folders) == 0
    assert delete_orphans(folders, now=timezone.now() + timedelta(hours=25)) == 2
    assert stored() == [kept.name]
    assert sweep_files() == {"deleted": 0}


def test_every_folder_is_swept_once_a_day():
    swept = [folder for hour in range(24) for folder in folders_of(hour)]

    assert sorted(swept) == [f"photos/{number:02x}" for number in range(256)]


@pytest.mark.django_db
def test_the_files_of_a_row_are_never_deleted_by_name():
    photo = add(pending_review())
    run_due_jobs()

    delete_files(photo.files)

    assert len(stored()) == 2


@pytest.mark.django_db
def test_a_storage_that_fails_is_to_be_tried_again_and_leaves_no_row(settings, tmp_path):
    (tmp_path / "file").write_text("no folder")
    settings.MEDIA_ROOT = tmp_path / "file"
    review = pending_review()

    answer = post(review)

    assert code_of(answer) == (503, "TRY_AGAIN")
    assert answer["Retry-After"]
    assert not ReviewPhoto.objects.exists()
    with pytest.raises(TryAgain):
        add(review)


@pytest.mark.django_db(transaction=True)
def test_photos_at_once_keep_to_the_limit_and_leave_no_file_too_many(settings):
    settings.PHOTOS_PER_REVIEW = 2
    review = pending_review()
    run_due_jobs()

    results = at_once(*[partial(add, review, (20 + n, 20)) for n in range(4)])

    assert sum(isinstance(result, InvalidTransition) for result in results) == 2
    assert ReviewPhoto.objects.count() == len(stored()) == 2
    assert review.revisions.filter(state="pending").count() == 1
    assert Job.objects.filter(kind="reviews.make_thumbnail").count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_same_photo_twice_at_once_is_one():
    review = pending_review()

    first, second = at_once(*[partial(add, review)] * 2)

    assert first == second
    assert len(stored()) == 1
