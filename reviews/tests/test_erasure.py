"""Votes are taken back exactly, whatever happens at the same moment."""

from functools import partial

import pytest

from orders.tests.factories import ProductFactory
from reviews.erasure import take_away_reviews, take_back_votes
from reviews.models import ProductRating, Review, ReviewVote, ReviewVoteShard
from reviews.services import cast_vote
from reviews.tests.factories import approved_review, delivered_purchase
from trustengine.accounts.erasing import advance, request_erasure
from trustengine.accounts.models import Erasure
from trustengine.accounts.tests.factories import UserFactory
from trustengine.testing import at_once, run_due_jobs


@pytest.fixture(autouse=True)
def busy_voters(settings):
    settings.VOTES_PER_MINUTE = 1_000


def totals(review):
    shards = ReviewVoteShard.objects.filter(review_id=review.pk)
    return sum(shard.helpful for shard in shards), sum(shard.unhelpful for shard in shards)


@pytest.mark.django_db
def test_a_batch_takes_so_many_and_no_more():
    user, reviews = UserFactory(), [approved_review() for _ in range(5)]
    for review in reviews:
        cast_vote(review.pk, voter=user, vote_type="unhelpful")

    assert [take_back_votes(user, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert [totals(review) for review in reviews] == [(0, 0)] * 5


@pytest.mark.django_db
def test_a_shard_that_is_missing_stops_nothing():
    user, review = UserFactory(), approved_review()
    cast_vote(review.pk, voter=user, vote_type="helpful")
    ReviewVoteShard.objects.all().delete()

    assert take_back_votes(user, 10) == 1
    assert not ReviewVote.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_votes_of_others_at_the_same_moment_are_all_counted():
    reviews = [approved_review() for _ in range(4)]
    leaving, staying = [UserFactory() for _ in range(4)], [UserFactory() for _ in range(4)]
    for user in leaving:
        for review in reviews:
            cast_vote(review.pk, voter=user, vote_type="helpful")

    def vote_on_all(voter):
        for review in reversed(reviews):
            cast_vote(review.pk, voter=voter, vote_type="helpful")

    outcomes = at_once(*[partial(vote_on_all, voter) for voter in staying], *[partial(erase, user) for user in leaving])

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert [totals(review) for review in reviews] == [(4, 0)] * 4
    run_due_jobs()
    assert set(Review.objects.values_list("helpful_votes", flat=True)) == {4}


@pytest.mark.django_db(transaction=True)
def test_erasures_of_people_who_reviewed_the_same_products_do_not_deadlock():
    products = [ProductFactory() for _ in range(6)]
    people = [UserFactory() for _ in range(4)]
    for number, person in enumerate(people):
        for product in products if number % 2 else reversed(products):
            approved_review(delivered_purchase(buyer=person, product=product))

    outcomes = at_once(*[partial(erase, person) for person in people])

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert sum(rating.count for rating in ProductRating.objects.all()) == 0
    assert not Review.objects.live().exists()


@pytest.mark.django_db
def test_a_second_time_changes_nothing():
    user = UserFactory()
    approved_review(delivered_purchase(buyer=user))
    assert take_away_reviews(user, 10) == 1
    before = list(Review.objects.values())

    assert take_away_reviews(user, 10) == 0
    assert list(Review.objects.values()) == before


def erase(user):
    erasure = request_erasure(user, actor=None)
    while erasure.state != Erasure.State.DONE:
        erasure = advance(erasure.pk, limit=2)
        assert erasure.state != Erasure.State.FAILED, erasure.problem
