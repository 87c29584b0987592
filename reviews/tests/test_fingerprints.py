import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reviews.fingerprints import bands_of, find_copies, forget_fingerprints, remember_fingerprint
from reviews.models import Review, ReviewFingerprint, ReviewFingerprintBand
from reviews.screening import screen
from reviews.services import edit_review, reject_review, withdraw_review
from reviews.tests.factories import approved_review, delivered_purchase, moderator, pending_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.identifiers import uuid7
from trustengine.testing import run_due_jobs

TEXT = (
    "I bought this lamp for my desk three weeks ago and it has been a pleasure to read by ever since; "
    "the switch is a little stiff, but the light is warm and does not flicker at all."
)
PINNED = [8097698497533203801, 294235716972226235]
EDITED = TEXT.replace("three weeks", "a month").replace("a pleasure", "really nice")


def signals(review):
    return {signal["name"] for signal in review.revisions.latest("number").screening.signals}


def test_bands_stay_the_same_over_versions_and_processes():
    """Stored bands are compared with new ones: should this fail, every fingerprint has to be made anew."""
    bands = bands_of(TEXT)

    assert len(bands) == 16
    assert bands[:2] == PINNED
    assert bands == bands_of(TEXT.upper().replace(",", " –"))


def test_a_short_text_has_no_fingerprint(settings):
    assert bands_of("Muito bom, chegou antes do prazo!") == []
    settings.COPY_MIN_LENGTH = 20
    assert bands_of("Muito bom, chegou antes do prazo!") != []


@pytest.mark.django_db
def test_a_copy_is_found_across_products_and_authors():
    original = approved_review(comment=TEXT)
    run_due_jobs()

    copy = pending_review(comment=EDITED)
    run_due_jobs()

    found = next(s for s in copy.revisions.get().screening.signals if s["name"] == "copied_text")
    assert found["data"]["reviews"] == [str(original.pk)]
    assert TEXT[:20] not in str(found)


@pytest.mark.django_db
def test_ones_own_text_about_another_product_is_repeated_and_an_edit_of_it_is_not():
    author = UserFactory()
    first = pending_review(delivered_purchase(author), comment=TEXT)
    run_due_jobs()
    edit_review(first.pk, author=author, changes={"comment": EDITED})
    run_due_jobs()
    second = pending_review(delivered_purchase(author), comment=TEXT)
    run_due_jobs()

    assert not signals(first) & {"copied_text", "repeated_text"}
    assert "repeated_text" in signals(second)


@pytest.mark.django_db
def test_another_text_of_the_same_length_is_no_copy():
    pending_review(comment=TEXT)
    other = pending_review(
        comment="The boots were too small although I ordered my usual size, and sending them back took nearly a month."
    )
    run_due_jobs()

    assert not signals(other) & {"copied_text", "repeated_text"}


@pytest.mark.django_db
def test_a_rejected_text_does_not_come_back_from_another_account():
    rejected = pending_review(comment=TEXT)
    run_due_jobs()
    reject_review(rejected.pk, actor=moderator(), reason="spam")

    again = pending_review(comment=EDITED)
    run_due_jobs()

    assert "copied_text" in signals(again)


@pytest.mark.django_db
def test_a_withdrawn_text_is_forgotten():
    review = pending_review(comment=TEXT)
    run_due_jobs()
    assert ReviewFingerprintBand.objects.filter(review_id=review.pk).count() == 16

    withdraw_review(review.pk, author=review.author)

    assert not ReviewFingerprint.objects.exists()
    assert not ReviewFingerprintBand.objects.exists()
    forget_fingerprints([review.pk])


@pytest.mark.django_db
def test_an_edit_that_is_turned_down_gives_the_approved_text_its_fingerprint_back():
    review = approved_review(comment=TEXT)
    edit_review(review.pk, author=review.author, changes={"comment": "Nothing like it. " * 9})
    run_due_jobs()
    reject_review(review.pk, actor=moderator(), reason="spam")
    run_due_jobs()

    assert ReviewFingerprint.objects.get().bands == bands_of(f"Good\n{TEXT}")


@pytest.mark.django_db
def test_an_edit_replaces_the_fingerprint():
    review = pending_review(comment=TEXT)
    run_due_jobs()
    edit_review(review.pk, author=review.author, changes={"comment": "short now"})
    run_due_jobs()

    assert not ReviewFingerprintBand.objects.exists()


@pytest.mark.django_db
def test_however_many_share_a_band_few_are_looked_at_in_one_query():
    review = pending_review(comment=TEXT)
    screen(review.pk)
    bands = bands_of(f"{review.title}\n{TEXT}")
    ReviewFingerprintBand.objects.bulk_create(
        ReviewFingerprintBand(band=band, review_id=uuid7()) for band in bands[8:] for _ in range(100)
    )

    with CaptureQueriesContext(connection) as queries:
        found = find_copies(TEXT, bands, review_id=uuid7())

    assert [copy.review_id for copy in found] == [review.pk]
    assert len(queries) == 2  # one takes the turn


@pytest.mark.django_db
def test_the_backfill_makes_the_fingerprints_that_screening_would_have_made():
    reviews = [approved_review(comment=f"{TEXT} {number}") for number in range(3)]
    run_due_jobs()
    screened = set(ReviewFingerprintBand.objects.values_list("band", "review_id"))
    approved_review(comment="short")
    forget_fingerprints([reviews[0].pk])
    remember_fingerprint(reviews[1].pk, revision=7, bands=[1, 2, 3])

    call_command("backfill", "fingerprints", "--batch-size", "2")

    assert set(ReviewFingerprintBand.objects.values_list("band", "review_id")) == screened
    assert set(ReviewFingerprint.objects.values_list("review", "revision")) >= {(review.pk, 1) for review in reviews}


@pytest.mark.django_db
def test_the_backfill_leaves_what_is_right_and_what_is_withdrawn():
    kept = approved_review(comment=TEXT)
    run_due_jobs()
    gone = approved_review(comment=f"{TEXT} again")
    withdraw_review(gone.pk, author=gone.author)
    before = ReviewFingerprint.objects.get(review=kept).created_at

    call_command("backfill", "fingerprints")

    assert ReviewFingerprint.objects.get().created_at == before
    assert Review.objects.count() == 2
