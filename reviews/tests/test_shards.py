"""Which reviews' shards count as uneven."""

import random

import pytest

from reviews.gauges import skewed_vote_shards
from reviews.models import SHARDS, ReviewHeat, ReviewVoteShard
from reviews.models.vote import shard_of
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7

pytestmark = pytest.mark.django_db


def voted(counts, *, lately=True):
    """A review with so many votes in each shard; a shard without one has no row."""
    review = uuid7()
    ReviewVoteShard.objects.bulk_create(
        ReviewVoteShard(review_id=review, shard=shard, helpful=count // 2, unhelpful=count - count // 2)
        for shard, count in enumerate(counts)
        if count
    )
    if lately:
        ReviewHeat.objects.create(review_id=review, actions=sum(counts), measured_at=database_now())


def by_chance(votes):
    counts = [0] * SHARDS
    chance = random.Random(7)
    for _ in range(votes):
        counts[shard_of(uuid7()) if votes < 5_000 else chance.randrange(SHARDS)] += 1
    return counts


@pytest.mark.parametrize("votes", [SHARDS * 5, 4_000, 100_000])
def test_shards_that_chance_has_filled_are_even(votes):
    voted(by_chance(votes))

    assert skewed_vote_shards() == 0


@pytest.mark.parametrize(
    "counts",
    [
        [500, *[0] * 63],
        [*[0] * 63, 500],
        [*[40] * 32, *[0] * 32],
        [*[30] * 63, 200],
    ],
)
def test_shards_that_something_favours_are_uneven(counts):
    voted(counts)
    voted(by_chance(1_000))

    assert skewed_vote_shards() == 1


def test_few_votes_and_reviews_that_nobody_votes_on_say_nothing():
    voted([100, *[0] * 63])
    voted([5_000, *[0] * 63], lately=False)

    assert skewed_vote_shards() == 0
