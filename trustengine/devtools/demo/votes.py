"""Readers find reviews helpful or not. One review went viral."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from reviews.models import ReviewVote, ReviewVoteShard, shard_of
from trustengine.accounts.models import User
from trustengine.devtools.demo.people import Person
from trustengine.devtools.demo.stories import Story
from trustengine.devtools.demo.world import World

VIRAL_VOTES = 480


def make_votes(world: World, stories: Sequence[Story], voters: Sequence[Person]) -> list[UUID]:
    """Votes on public reviews, and the shards that count them; returns the ids of the reviews voted on."""
    votable = [story for story in stories if story.review.is_public and story.review.product.is_active]
    viral = _viral(world, votable)
    shards: Counter[tuple[UUID, int, bool]] = Counter()
    for story in votable:
        for person, helpful in _voters(world, story, voters, viral=story is viral):
            shards[_vote(world, story, person.user, helpful)] += 1
    places = sorted({(review_id, shard) for review_id, shard, _ in shards})
    for review_id, shard in places:
        counts = {"helpful": shards[review_id, shard, True], "unhelpful": shards[review_id, shard, False]}
        world.add(ReviewVoteShard(review_id=review_id, shard=shard, **counts))
    return sorted({review_id for review_id, _ in places})


def _viral(world: World, stories: Sequence[Story]) -> Story:
    """A long review of some age."""
    old = [story for story in stories if _published(story) < world.ago(25)]
    return max(old, key=lambda story: len(story.review.comment))


def _voters(world: World, story: Story, voters: Sequence[Person], *, viral: bool) -> list[tuple[Person, bool]]:
    """Who votes, and how: long texts get more votes, and more friendly ones."""
    length = len(story.review.comment)
    age = (world.horizon - _published(story)).days
    size = VIRAL_VOTES if viral else int(world.rng.paretovariate(1.1) * min(age, 30) / 30 * (0.6 + length / 120))
    friendly = 0.93 if viral else 0.85 if length > 80 else 0.6
    chosen = world.rng.sample(voters, min(size, VIRAL_VOTES if viral else 60))
    return [(person, world.chance(friendly)) for person in chosen if person.user.pk != story.review.author_id]


def _vote(world: World, story: Story, voter: User, helpful: bool) -> tuple[UUID, int, bool]:
    published = _published(story)
    span = (world.horizon - published).total_seconds()
    moment = published + timedelta(seconds=span * world.rng.betavariate(1.1, 2.4))
    review_id, shard = story.review.pk, shard_of(voter.pk)
    world.add(
        ReviewVote(
            review_id=review_id, user_id=voter.pk, helpful=helpful, shard=shard, created_at=moment, updated_at=moment
        )
    )
    word = "helpful" if helpful else "unhelpful"
    about = ("reviews.reviewvote", f"{review_id}:{voter.pk}")
    world.record(moment, "vote.cast", about, actor=voter, before={"vote": None}, after={"vote": word})
    return review_id, shard, helpful


def _published(story: Story) -> datetime:
    assert story.published_at is not None
    return story.published_at
