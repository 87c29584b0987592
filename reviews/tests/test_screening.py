import time
from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.models import Review, Screening
from reviews.reputation import Standing
from reviews.screening import contact, edits, policy, screen
from reviews.screening.signals import Candidate
from reviews.services import edit_review, reject_review
from reviews.tests.factories import approved_review, delivered_purchase, moderator, pending_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.testing import run_due_jobs


def names(text: str) -> set[str]:
    return {signal.name for signal in contact.check(Candidate("", text))}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://cheap.example/x", {"link"}),
        ("visit www.cheap.example now", {"link"}),
        ("Go to cheap-phones.com for more", {"link"}),
        ("cheap-phones (dot) com", {"link"}),
        ("ｃｈｅａｐ－ｐｈｏｎｅｓ．ｃｏｍ", {"link"}),
        ("che\u200bap.com", {"link"}),
        ("write to me@cheap.example", {"email_address"}),
        ("me (at) cheap (dot) com", {"email_address"}),
        ("Call +49 170 1234567", {"phone_number"}),
        ("WhatsApp me on this", {"messenger"}),
        ("find @cheap_deals there", {"messenger"}),
    ],
)
def test_links_and_contact_data_are_found_in_their_usual_disguises(text, found):
    assert names(text) >= found


@pytest.mark.parametrize(
    "text",
    [
        "Great product.It arrived on time.",
        "Chegou antes do prazo.De acordo com o anúncio.",
        "Bought on 06-09-2017, order 02-6502.",
        "10/10 would buy again, 2.5 times better than the XZ-2000!",
        "Size 42, weighs 1.250,00 g, at first it looked small.",
        "",
    ],
)
def test_honest_text_is_left_alone(text):
    assert names(text) == set()


@pytest.mark.parametrize(
    "piece", ["x", "1", "a.", "a-", "ab ", "a@", "@a", "www ", "http ", "a (at) ", "1 ", "+", "\u00e9"]
)
def test_no_text_costs_more_than_its_length(piece):
    """Patterns that backtrack take seconds here, and hold the review's lock meanwhile."""
    began = time.process_time()  # of this process alone, whatever else the machine is doing

    names((piece * 10_000)[:10_000])

    assert time.process_time() - began < 0.5


def test_an_edit_that_replaces_the_text_is_large_and_one_that_mends_it_is_not():
    before = "A sturdy chair that came with all its screws and a good manual"

    assert not list(edits.check(Candidate("", before + ", still fine after a year", published=before)))
    assert [signal.name for signal in edits.check(Candidate("", "Total rubbish, avoid", published=before))] == [
        "large_edit"
    ]
    assert not list(edits.check(Candidate("", "anything", published=None)))


def trusted_author():
    """Eight approvals in a row, and a member for more than a year: a score of 86."""
    author = UserFactory(date_joined=timezone.now() - timedelta(days=400))
    for _ in range(8):
        approved_review(delivered_purchase(author))
    return author


@pytest.mark.django_db
def test_a_trusted_author_without_findings_is_approved_by_the_rule():
    review = pending_review(delivered_purchase(trusted_author()))

    run_due_jobs()

    review.refresh_from_db()
    assert (review.status, review.moderated_by) == ("approved", None)
    assert review.revisions.get().screening.verdict == "approve"
    assert set(Entry.objects.filter(object_id=str(review.pk)).values_list("verb", flat=True)) >= {
        "review.submitted",
        "review.screened",
        "review.approved",
    }


@pytest.mark.parametrize(
    ("points", "in_a_row", "verdict"), [(80, 5, "approve"), (79, 6, "queue"), (80, 4, "queue"), (50, 0, "queue")]
)
def test_trust_needs_both_reputation_and_approvals_in_a_row(points, in_a_row, verdict):
    assert policy.decide([], Standing(points, in_a_row)) == verdict


@pytest.mark.django_db
def test_a_rejection_counts_before_the_reputation_has_been_recomputed():
    author = trusted_author()
    run_due_jobs()
    reject_review(pending_review(delivered_purchase(author)).pk, actor=moderator(), reason="spam")
    next_one = pending_review(delivered_purchase(author))

    screen(next_one.pk)  # the job of the reputation is still due

    next_one.refresh_from_db()
    assert next_one.status == "pending"


@pytest.mark.django_db
def test_a_finding_queues_even_a_trusted_author():
    review = pending_review(delivered_purchase(trusted_author()), comment="Cheaper at https://other.example")

    run_due_jobs()

    review.refresh_from_db()
    screening = review.revisions.get().screening
    assert (review.status, screening.verdict) == ("pending", "queue")
    assert [signal["name"] for signal in screening.signals] == ["link"]


@pytest.mark.django_db
def test_stars_alone_never_hold_a_review_back():
    author = trusted_author()
    for stars in (1, 5):
        pending_review(delivered_purchase(author), rating=stars, title="", comment="")

    run_due_jobs()

    assert not Review.objects.exclude(status="approved").exists()


@pytest.mark.django_db
def test_a_trusted_author_cannot_swap_the_text_of_an_approved_review_unseen():
    review = approved_review(delivered_purchase(trusted_author()), comment="A sturdy chair with all its screws.")
    run_due_jobs()
    edit_review(review.pk, author=review.author, changes={"comment": "Quite different words stand here today"})

    run_due_jobs()

    review.refresh_from_db()
    assert review.comment == "A sturdy chair with all its screws."
    assert Review.objects.pending().get() == review


@pytest.mark.django_db
def test_one_revision_is_screened_once():
    review = pending_review()
    run_due_jobs()
    assert screen(review.pk) is None
    assert Screening.objects.count() == 1
