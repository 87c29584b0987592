"""Everything that may happen to a review. Locks: order items, review, vote, rating."""

from reviews.services.moderation import approve_review, hide_review, reject_review, restore_review
from reviews.services.standing import take_back_votes
from reviews.services.strikes import give_strike, revoke_strike
from reviews.services.submission import Submission, edit_review, submit_review, withdraw_review
from reviews.services.voting import VoteOutcome, cast_vote, withdraw_vote

__all__ = [
    "Submission",
    "VoteOutcome",
    "approve_review",
    "cast_vote",
    "edit_review",
    "give_strike",
    "hide_review",
    "reject_review",
    "restore_review",
    "revoke_strike",
    "submit_review",
    "take_back_votes",
    "withdraw_review",
    "withdraw_vote",
]
