"""Rows of the reviews app. Lock order: order item, review, reply, quarantine, vote, rating."""

from reviews.models.fingerprint import ReviewFingerprint, ReviewFingerprintBand
from reviews.models.opinion import ModelOpinion
from reviews.models.photo import ReviewPhoto
from reviews.models.policy import DenyTerm, PolicyRule, ScreeningPolicy
from reviews.models.quarantine import Quarantine
from reviews.models.rating import ProductRating, ProductTrend
from reviews.models.reply import ReplyRevision, VendorReply
from reviews.models.reputation import Reputation, Strike
from reviews.models.restriction import Restriction
from reviews.models.review import Review, ReviewRevision
from reviews.models.screening import Screening
from reviews.models.vote import SHARDS, ReviewHeat, ReviewVote, ReviewVoteShard, shard_of

__all__ = [
    "SHARDS",
    "DenyTerm",
    "ModelOpinion",
    "PolicyRule",
    "ProductRating",
    "ProductTrend",
    "Quarantine",
    "ReplyRevision",
    "Reputation",
    "Restriction",
    "Review",
    "ReviewFingerprint",
    "ReviewFingerprintBand",
    "ReviewHeat",
    "ReviewPhoto",
    "ReviewRevision",
    "ReviewVote",
    "ReviewVoteShard",
    "Screening",
    "ScreeningPolicy",
    "Strike",
    "VendorReply",
    "shard_of",
]
