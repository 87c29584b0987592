"""Rows of the reviews app. Lock order: order item, review, vote, rating."""

from reviews.models.rating import ProductRating, ProductTrend
from reviews.models.reputation import Reputation, Strike
from reviews.models.review import Review, ReviewRevision
from reviews.models.screening import Screening
from reviews.models.vote import SHARDS, ReviewHeat, ReviewVote, ReviewVoteShard, shard_of

__all__ = [
    "SHARDS",
    "ProductRating",
    "ProductTrend",
    "Reputation",
    "Review",
    "ReviewHeat",
    "ReviewRevision",
    "ReviewVote",
    "ReviewVoteShard",
    "Screening",
    "Strike",
    "shard_of",
]
