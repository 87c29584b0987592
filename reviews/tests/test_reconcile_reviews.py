from functools import partial

import pytest
from django.core.management import call_command

from orders.tests.test_reconcile_order_status import reconcile
from reviews.models import ProductRating, Reputation, Review, ReviewVote, ReviewVoteShard
from reviews.services import cast_vote
from reviews.tests.factories import approved_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.testing import at_once, run_due_jobs

pytestmark = pytest.mark.django_db


def test_a_vote_that_is_not_folded_yet_is_pending_and_not_drift():
    review = approved_review()
    cast_vote(review.pk, voter=UserFactory(), vote_type="helpful")

    code, found = reconcile("votes")

    assert (code, found["votes"]["pending"], found["votes"]["drifted"]) == (0, 1, 0)


def test_a_vote_whose_fold_is_a_dead_letter_is_drift():
    review = approved_review()
    cast_vote(review.pk, voter=UserFactory(), vote_type="helpful")
    Job.objects.update(state="dead", dead_letter_at="2026-01-01T00:00Z")

    assert reconcile("votes")[1]["votes"]["drifted"] == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda: Review.objects.update(helpful_votes=9),
        lambda: ReviewVoteShard.objects.update(helpful=7),
        lambda: ReviewVoteShard.objects.all().delete(),
        lambda: ReviewVote.objects.all().delete(),
    ],
)
def test_vote_counts_are_rebuilt_from_the_votes(damage):
    review = approved_review()
    for vote_type in ("helpful", "helpful", "unhelpful"):
        cast_vote(review.pk, voter=UserFactory(), vote_type=vote_type)
    run_due_jobs()
    damage()

    assert reconcile("votes")[0] == 1
    assert reconcile("votes", "--fix")[0] == 0

    review.refresh_from_db()
    votes = ReviewVote.objects.filter(review_id=review.pk)
    facts = (votes.filter(helpful=True).count(), votes.filter(helpful=False).count())
    assert (review.helpful_votes, review.unhelpful_votes) == facts
    shards = ReviewVoteShard.objects.filter(review_id=review.pk).values_list("helpful", "unhelpful")
    assert tuple(map(sum, zip(*shards, strict=True))) == facts
    assert Entry.objects.filter(verb="reconcile.votes_fixed", object_id=review.pk).exists()
    assert reconcile("votes")[0] == 0


@pytest.mark.parametrize(
    "damage", [lambda: ProductRating.objects.update(stars_1=3), lambda: ProductRating.objects.all().delete()]
)
def test_star_counters_are_rebuilt_from_the_counted_reviews(damage):
    review = approved_review(rating=4)
    damage()

    assert reconcile("ratings")[0] == 1
    assert reconcile("ratings", "--fix")[0] == 0

    rating = ProductRating.objects.get(product=review.product_id)
    assert (rating.stars_1, rating.stars_4, rating.count) == (0, 1, 1)


def test_a_reputation_is_pending_until_its_job_has_run_and_rebuilt_when_wrong():
    review = approved_review()
    assert reconcile("reputation")[1]["reputation"]["pending"] == 1
    run_due_jobs()
    Reputation.objects.update(score=100)

    assert reconcile("reputation", "--fix")[1]["reputation"]["fixed"] == 1
    assert Reputation.objects.get(user=review.author_id).score == 52


@pytest.mark.django_db(transaction=True)
def test_votes_cast_while_counts_are_fixed_are_all_counted():
    review, voters = approved_review(), [UserFactory() for _ in range(12)]
    for voter in voters[:4]:
        cast_vote(review.pk, voter=voter, vote_type="helpful")
    run_due_jobs()
    ReviewVoteShard.objects.update(helpful=9)

    outcomes = at_once(
        *(partial(cast_vote, review.pk, voter=voter, vote_type="helpful") for voter in voters[4:]),
        *[partial(call_command, "reconcile", "votes", "--fix")] * 2,
    )
    run_due_jobs()

    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert reconcile("votes", "--fix")[0] == 0  # had every vote come first, the fixes would have found it pending
    assert Review.objects.get(pk=review.pk).helpful_votes == 12
