"""What an import derives for many authors and voters at once."""

import pytest
from django.core.management import call_command
from django.utils import timezone

from reviews.models import ProductRating, ProductTrend, Reputation, Review
from reviews.reputation import standing_of
from trustengine.accounts.models import User
from trustengine.jobs.models import Job
from trustengine.operations.tests.marketplace import PRODUCT, REVIEW, VOTER, Marketplace, marketplace
from trustengine.testing import run_due_jobs

__all__ = ["marketplace"]

pytestmark = pytest.mark.django_db


def test_authors_are_computed_by_a_job_for_each_batch_and_not_for_each_author(marketplace: Marketplace):
    marketplace.load()

    waiting = Job.objects.filter(kind__startswith="reviews.recompute_reputation", state="ready")
    assert set(waiting.values_list("kind", flat=True)) == {"reviews.recompute_reputations"}
    assert waiting.count() == 2  # of the batches of reviews and of votes
    run_due_jobs()

    author = Review.objects.get(pk=REVIEW).author_id
    stored = Reputation.objects.get(user=author)
    assert stored.score == standing_of(author).score == 50 + 2 + 1 + 20
    call_command("reconcile")


def test_votes_of_a_suspended_user_come_in_and_do_not_count(marketplace: Marketplace):
    marketplace.load()
    User.objects.filter(subject=VOTER).update(suspended_at=timezone.now())
    votes = marketplace.directory / "votes.csv"
    votes.write_text(votes.read_text().replace("helpful", "unhelpful"))

    marketplace.run()
    run_due_jobs()

    review = Review.objects.get(pk=REVIEW)
    assert (review.helpful_votes, review.unhelpful_votes) == (0, 0)
    call_command("reconcile")


def test_history_is_no_news_and_no_trend(marketplace: Marketplace):
    marketplace.load()

    rating = ProductRating.objects.get(product=PRODUCT)
    assert (rating.told_count, rating.told_average) == (1, 5.0)
    assert not ProductTrend.objects.exists()
