from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from reviews import folding
from reviews.models import ReviewHeat, ReviewVoteShard
from reviews.services import cast_vote
from reviews.tests.factories import approved_review
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import UserFactory
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db


def votes(review, count):
    for voter in User.objects.bulk_create(User() for _ in range(count)):
        cast_vote(review.pk, voter=voter, vote_type="helpful")


def seconds_pass(review, seconds):
    """As if the present measurement had begun earlier, and the next fold been asked for that much longer ago."""
    heat = ReviewHeat.objects.get(pk=review.pk)
    heat.measured_at -= timedelta(seconds=seconds)
    if heat.next_fold_at:
        heat.next_fold_at -= timedelta(seconds=seconds)
    heat.save()
    Job.objects.filter(kind="reviews.fold_votes", state="ready").update(
        run_at=timezone.now() - timedelta(milliseconds=1) if seconds >= 15 else timezone.now() + timedelta(seconds=9)
    )


def made_viral():
    review = approved_review()
    votes(review, 1)
    run_due_jobs()
    votes(review, 120)
    heat = ReviewHeat.objects.get(pk=review.pk)
    ReviewHeat.objects.filter(pk=review.pk).update(measured_at=heat.measured_at - timedelta(seconds=2))
    with override_settings(VIRAL_VOTES_PER_SECOND=5):  # 120 in two seconds and what the test itself took
        run_due_jobs()
    return review


def test_a_review_under_the_pace_is_folded_at_once():
    review = approved_review()
    votes(review, 3)
    run_due_jobs()
    votes(review, 2)
    run_due_jobs()

    review.refresh_from_db()
    assert review.helpful_votes == 5
    assert not ReviewHeat.objects.viral().exists()


def test_folds_of_a_viral_review_are_spaced_and_its_counts_approximate_and_nothing_is_lost():
    review = made_viral()
    heat = ReviewHeat.objects.viral().get()
    assert heat.votes_per_second > 5
    assert timedelta(seconds=10) < heat.next_fold_at - timezone.now() <= timedelta(seconds=15)
    votes(review, 30)

    run_due_jobs()
    review.refresh_from_db()
    assert review.helpful_votes == 121
    assert api_client_for().get(f"/api/v1/reviews/{review.pk}/").json()["helpful_votes_approximate"] is True
    waiting = Job.objects.filter(kind="reviews.fold_votes", state="ready")
    assert waiting.count() == 30
    assert set(waiting.values_list("run_at", flat=True)) == {heat.next_fold_at}

    seconds_pass(review, 15)
    run_due_jobs()
    review.refresh_from_db()
    assert review.helpful_votes == 151


def test_a_fold_that_comes_too_early_waits_for_its_turn():
    review = made_viral()
    moved, not_before = folding.fold(review.pk)

    assert not moved
    assert not_before == ReviewHeat.objects.get(pk=review.pk).next_fold_at


def test_a_viral_review_cools_down():
    review = made_viral()
    votes(review, 3)

    seconds_pass(review, 15)
    run_due_jobs()  # 3 in 15 seconds

    assert not ReviewHeat.objects.viral().exists()
    votes(review, 1)
    run_due_jobs()
    review.refresh_from_db()
    assert review.helpful_votes == 125
    assert api_client_for().get(f"/api/v1/reviews/{review.pk}/").json()["helpful_votes_approximate"] is False


def test_switching_to_and_fro_makes_a_pace_too():
    review, voter = approved_review(), UserFactory()
    votes(review, 1)
    run_due_jobs()
    before = ReviewHeat.objects.get(pk=review.pk).actions

    with override_settings(VOTES_PER_MINUTE=100):
        for number in range(10):
            cast_vote(review.pk, voter=voter, vote_type=("helpful", "unhelpful")[number % 2])

    actions = sum(ReviewVoteShard.objects.filter(review_id=review.pk).values_list("actions", flat=True))
    assert actions - before == 10


def test_what_is_known_of_reviews_at_rest_is_forgotten():
    hot, cold = approved_review(), approved_review()
    for review in (hot, cold):
        votes(review, 1)
    run_due_jobs()
    ReviewHeat.objects.filter(pk=cold.pk).update(measured_at=timezone.now() - timedelta(hours=3))

    assert folding.forget_cold(batch=10) == 1
    assert ReviewHeat.objects.get().pk == hot.pk
