"""Rows of the reviews app. Lock order: order item, review, reply, vote, rating."""

from reviews.models.photo import ReviewPhoto
from reviews.models.rating import ProductRating, ProductTrend
from reviews.models.reply import ReplyRevision, VendorReply
from reviews.models.reputation import Reputation, Strike
from reviews.models.restriction import Restriction
from reviews.models.review import Review, ReviewRevision
from reviews.models.screening import Screening
from reviews.models.vote import SHARDS, ReviewHeat, ReviewVote, ReviewVoteShard, shard_of

__all__ = [
    "SHARDS",
    "ProductRating",
    "ProductTrend",
    "ReplyRevision",
    "Reputation",
    "Restriction",
    "Review",
    "ReviewHeat",
    "ReviewPhoto",
    "ReviewRevision",
    "ReviewVote",
    "ReviewVoteShard",
    "Screening",
    "Strike",
    "VendorReply",
    "shard_of",
]
