"""Photos of reviews: taken in, decided, served to whoever may see them, and deleted."""

from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from orders.tests.factories import ProductFactory
from reviews.errors import CaseChanged
from reviews.models import ReviewPhoto
from reviews.services import (
    approve_review,
    delete_photo,
    edit_review,
    hide_review,
    reject_review,
    withdraw_review,
)
from reviews.tests.factories import approved_review, delivered_purchase, moderator, pending_review
from reviews.tests.pictures import HEIC, add, picture, post, upload
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidTransition, PermissionDenied
from trustengine.testing import api_client_for, run_due_jobs


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
@pytest.mark.parametrize("content_type", ["image/heic", "application/octet-stream", "image/jpeg"])
def test_a_phones_heic_is_taken_whatever_it_is_called(media, content_type):
    answer = post(pending_review(), HEIC, name="photo", content_type=content_type)

    assert answer.status_code == 201, answer.content
    assert (answer.json()["width"], answer.json()["height"]) == (40, 60)
    assert Image.open(BytesIO((media / ReviewPhoto.objects.get().name).read_bytes())).format == "JPEG"


@pytest.mark.django_db
def test_a_photo_is_measured_stored_without_metadata_and_waits_with_its_review(media):
    review = pending_review()
    exif = Image.Exif()
    exif[0x010F] = "Maker"

    answer = post(review, picture("PNG", size=(80, 30), exif=exif), name="photo", content_type="text/plain")

    assert answer.status_code == 201
    shown, photo = answer.json(), ReviewPhoto.objects.get()
    kept = (media / photo.name).read_bytes()
    assert (shown["width"], shown["height"], shown["state"]) == (80, 30, "pending")
    assert (shown["size"], photo.size) == (len(kept), len(kept))
    assert kept.startswith(b"\xff\xd8")
    assert b"Maker" not in kept
    entry = Entry.objects.get(verb="review.photo_added")
    assert entry.after["size"] == len(kept)


@pytest.mark.django_db
def test_billing_hears_the_size_that_was_measured(monkeypatch):
    heard = []
    monkeypatch.setattr("reviews.services.photos.publish", lambda event, **about: heard.append((event, about)))
    review = pending_review()

    photo = add(review)
    delete_photo(review.pk, photo.pk, author=review.author)

    about = {
        "photo_id": photo.pk,
        "review_id": review.pk,
        "profile_id": review.product.vendor_id,
        "bytes": photo.size,
    }
    assert heard == [("reviews.photo_uploaded", about), ("reviews.photo_deleted", about)]


@pytest.mark.django_db
def test_a_photo_is_public_once_a_person_has_approved_it():
    review, public = approved_review(), api_client_for()
    url = f"/api/v1/reviews/{review.pk}/"
    photo = add(review)
    run_due_jobs()

    assert public.get(url).json()["photos"] == []
    assert public.get(url).json()["comment"] == review.comment
    assert public.get(f"/api/v1/photos/{photo.pk}/").status_code == 404
    assert api_client_for(UserFactory()).get(f"/api/v1/photos/{photo.pk}/thumbnail/").status_code == 404
    for reader in (review.author, moderator()):
        answer = api_client_for(reader).get(f"/api/v1/photos/{photo.pk}/")
        assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-store")

    approve_review(review.pk, actor=moderator(), revision=2)

    (shown,) = public.get(url).json()["photos"]
    assert set(shown) == {"id", "url", "thumbnail_url", "width", "height"}
    for place in (shown["url"], shown["thumbnail_url"]):
        answer = public.get(place, HTTP_ACCEPT="image/avif,image/webp,*/*;q=0.8")
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
        assert answer["Cache-Control"] == "public, max-age=300"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert Image.open(BytesIO(answer.content)).format == "JPEG"
    review.refresh_from_db()
    assert (review.edit_count, review.is_edited) == (0, False)


@pytest.mark.django_db
def test_no_trust_publishes_a_photo_that_nobody_has_looked_at(settings):
    settings.AUTO_APPROVE_MIN_REPUTATION = settings.AUTO_APPROVE_MIN_CONSECUTIVE = 0
    review = pending_review()
    add(review)

    run_due_jobs()

    review.refresh_from_db()
    assert review.status == "pending"
    pending = review.revisions.get(state="pending")
    assert {signal["name"] for signal in pending.screening.signals} == {"photo", "fresh_account"}
    with pytest.raises(InvalidTransition):
        approve_review(review.pk, actor=None)


@pytest.mark.django_db
def test_a_photo_that_arrives_while_a_moderator_reads_is_not_approved_unseen():
    review = pending_review()
    seen = review.revisions.get(state="pending").number
    photo = add(review)

    with pytest.raises(CaseChanged):
        approve_review(review.pk, actor=moderator(), revision=seen)
    reject_review(review.pk, actor=moderator(), revision=seen + 1, reason="privacy")
    photo.refresh_from_db()
    assert photo.state == "rejected"
    assert api_client_for(review.author).get(f"/api/v1/photos/{photo.pk}/").status_code == 200


@pytest.mark.django_db
def test_a_photo_keeps_the_edit_that_waits():
    review = approved_review(comment="Before")
    edit_review(review.pk, author=review.author, changes={"comment": "After"})

    add(review)

    assert review.revisions.get(state="pending").comment == "After"
    review.refresh_from_db()
    assert review.comment == "Before"


@pytest.mark.django_db
def test_only_the_author_adds_and_deletes_photos():
    review, hidden = approved_review(), pending_review()
    photo = add(review)
    stranger = UserFactory()

    assert code_of(post(review, by=stranger)) == (403, "PERMISSION_DENIED")
    assert code_of(post(hidden, by=stranger)) == (404, "REVIEW_NOT_FOUND")
    assert code_of(post(review, by=moderator())) == (403, "PERMISSION_DENIED")
    url = f"/api/v1/reviews/{review.pk}/photos/{photo.pk}/"
    assert code_of(api_client_for(stranger).delete(url)) == (403, "PERMISSION_DENIED")
    other = pending_review(delivered_purchase(stranger))
    elsewhere = f"/api/v1/reviews/{other.pk}/photos/{photo.pk}/"
    assert code_of(api_client_for(stranger).delete(elsewhere)) == (404, "NOT_FOUND")
    withdraw_review(review.pk, author=review.author)
    assert code_of(post(review)) == (410, "REVIEW_DELETED")
    assert len(stored()) == 1


@pytest.mark.django_db
def test_what_cannot_be_taken_is_refused_with_its_code_and_leaves_nothing(settings):
    review = pending_review()
    url = f"/api/v1/reviews/{review.pk}/photos/"
    client = api_client_for(review.author)

    assert code_of(post(review, b"%PDF-1.7 not a picture")) == (415, "FILE_TYPE_NOT_ALLOWED")
    assert code_of(post(review, b"")) == (400, "INVALID_INPUT")
    assert code_of(post(review, name="picture")) == (400, "INVALID_INPUT")
    assert code_of(client.post(url, {"photo": "text"}, format="multipart")) == (400, "INVALID_INPUT")
    assert code_of(client.post(url, {"photo": "x"})) == (415, "FILE_TYPE_NOT_ALLOWED")
    broken = client.generic("POST", url, b"--x\r\nno form", "multipart/form-data; boundary=x")
    assert code_of(broken) == (400, "INVALID_INPUT")
    assert code_of(client.generic("POST", url, b"x", "multipart/form-data")) == (400, "INVALID_INPUT")
    settings.PHOTO_MAX_BYTES = 1_024
    assert code_of(post(review, bytes(2_000))) == (413, "FILE_TOO_LARGE")
    assert code_of(post(review, bytes(200_000))) == (413, "FILE_TOO_LARGE")
    settings.PHOTO_MAX_BYTES, settings.PHOTO_MAX_PIXELS = 10_000_000, 100
    assert code_of(post(review)) == (413, "FILE_TOO_LARGE")
    assert stored() == []
    assert not ReviewPhoto.objects.exists()


@pytest.mark.django_db
def test_one_photo_too_many_is_refused_and_its_file_is_gone(settings):
    settings.PHOTOS_PER_REVIEW = 2
    review = pending_review()
    for width in (20, 30):
        add(review, (width, 20))

    assert code_of(post(review, picture(size=(40, 20)))) == (409, "INVALID_TRANSITION")
    assert len(stored()) == 2


@pytest.mark.django_db
def test_the_same_photo_again_is_the_one_there_is():
    review = pending_review()

    first, again = post(review), post(review)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert len(stored()) == 1
    assert review.revisions.count() == 2


@pytest.mark.django_db
def test_a_key_makes_an_upload_happen_once():
    review = pending_review()
    client, url = api_client_for(review.author), f"/api/v1/reviews/{review.pk}/photos/"

    def send(size):
        body = {"photo": upload(picture(size=size))}
        return client.post(url, body, format="multipart", HTTP_IDEMPOTENCY_KEY="once")

    first, again, other = send((60, 40)), send((60, 40)), send((50, 40))

    assert (first.status_code, again.status_code, again["Idempotency-Replayed"]) == (201, 201, "true")
    assert first.json() == again.json()
    assert code_of(other) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert ReviewPhoto.objects.count() == 1


@pytest.mark.django_db
def test_photos_of_a_hidden_review_are_hidden_with_it():
    review = pending_review()
    photo = add(review)
    approve_review(review.pk, actor=moderator())
    assert api_client_for().get(f"/api/v1/photos/{photo.pk}/").status_code == 200

    hide_review(review.pk, actor=moderator(), reason="privacy")

    assert api_client_for().get(f"/api/v1/photos/{photo.pk}/").status_code == 404


@pytest.mark.django_db
def test_photos_cost_a_list_no_query_each():
    product = ProductFactory()

    def add_one():
        review = pending_review(delivered_purchase(product=product))
        add(review)
        add(review, (30, 30))
        approve_review(review.pk, actor=moderator())

    def queries():
        with CaptureQueriesContext(connection) as captured:
            page = api_client_for().get(f"/api/v1/products/{product.pk}/reviews/").json()["results"]
        assert all(len(review["photos"]) == 2 for review in page)
        return len(captured)

    add_one()
    few = queries()
    for _ in range(2):
        add_one()

    assert queries() == few


@pytest.mark.django_db
def test_nobody_adds_to_anothers_review():
    with pytest.raises(PermissionDenied):
        add(approved_review(), author=UserFactory())


@pytest.mark.django_db
def test_a_form_may_call_the_picture_file_as_evidence_does():
    assert post(pending_review(), name="file").status_code == 201
