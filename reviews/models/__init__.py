"""Rows of the reviews app. Lock order: order item, review, vote, rating."""

from reviews.models.rating import ProductRating
from reviews.models.reputation import Reputation
from reviews.models.review import Review, ReviewRevision
from reviews.models.screening import Screening
from reviews.models.vote import SHARDS, ReviewVote, ReviewVoteShard, shard_of

__all__ = [
    "SHARDS",
    "ProductRating",
    "Reputation",
    "Review",
    "ReviewRevision",
    "ReviewVote",
    "ReviewVoteShard",
    "Screening",
    "shard_of",
]
