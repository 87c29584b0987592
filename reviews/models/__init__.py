"""Rows of the reviews app. Lock order: order item, review, quarantine, vote, rating."""

from reviews.models.fingerprint import ReviewFingerprint, ReviewFingerprintBand
from reviews.models.policy import DenyTerm, PolicyRule, ScreeningPolicy
from reviews.models.quarantine import Quarantine
from reviews.models.rating import ProductRating
from reviews.models.reputation import Reputation
from reviews.models.review import Review, ReviewRevision
from reviews.models.screening import Screening
from reviews.models.vote import SHARDS, ReviewVote, ReviewVoteShard, shard_of

__all__ = [
    "SHARDS",
    "DenyTerm",
    "PolicyRule",
    "ProductRating",
    "Quarantine",
    "Reputation",
    "Review",
    "ReviewFingerprint",
    "ReviewFingerprintBand",
    "ReviewRevision",
    "ReviewVote",
    "ReviewVoteShard",
    "Screening",
    "ScreeningPolicy",
    "shard_of",
]
