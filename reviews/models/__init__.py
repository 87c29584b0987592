"""Rows of the reviews app. Lock order: order item, review, reply, vote, rating."""

from reviews.models.photo import ReviewPhoto
from reviews.models.rating import ProductRating
from reviews.models.reply import ReplyRevision, VendorReply
from reviews.models.reputation import Reputation
from reviews.models.restriction import Restriction
from reviews.models.review import Review, ReviewRevision
from reviews.models.screening import Screening
from reviews.models.vote import SHARDS, ReviewVote, ReviewVoteShard, shard_of

__all__ = [
    "SHARDS",
    "ProductRating",
    "ReplyRevision",
    "Reputation",
    "Restriction",
    "Review",
    "ReviewPhoto",
    "ReviewRevision",
    "ReviewVote",
    "ReviewVoteShard",
    "Screening",
    "VendorReply",
    "shard_of",
]
