"""Everything that may happen to a review. Locks: order items, review, quarantine, vote, rating."""

from reviews.services.moderation import approve_review, hide_review, reject_review, restore_review
from reviews.services.quarantine import drop_quarantine, open_quarantine, release_quarantine
from reviews.services.submission import Submission, edit_review, submit_review, withdraw_review
from reviews.services.voting import VoteOutcome, cast_vote, withdraw_vote

__all__ = [
    "Submission",
    "VoteOutcome",
    "approve_review",
    "cast_vote",
    "drop_quarantine",
    "edit_review",
    "hide_review",
    "open_quarantine",
    "reject_review",
    "release_quarantine",
    "restore_review",
    "submit_review",
    "withdraw_review",
    "withdraw_vote",
]
