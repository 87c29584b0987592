"""Everything that may happen to a review. Locks: order items, review, reply, vote, rating."""

from reviews.services.moderation import approve_review, hide_review, reject_review, restore_review
from reviews.services.photos import add_photo, delete_photo, delete_photos_of
from reviews.services.replies import withdraw_reply, write_reply
from reviews.services.reply_moderation import approve_reply, hide_reply, reject_reply, restore_reply
from reviews.services.restriction import lift_restriction, restrict_review
from reviews.services.standing import take_back_votes
from reviews.services.strikes import give_strike, revoke_strike
from reviews.services.submission import Submission, edit_review, submit_review, withdraw_review
from reviews.services.voting import VoteOutcome, cast_vote, withdraw_vote

__all__ = [
    "Submission",
    "VoteOutcome",
    "add_photo",
    "approve_reply",
    "approve_review",
    "cast_vote",
    "delete_photo",
    "delete_photos_of",
    "edit_review",
    "give_strike",
    "hide_reply",
    "hide_review",
    "lift_restriction",
    "reject_reply",
    "reject_review",
    "restore_reply",
    "restore_review",
    "restrict_review",
    "revoke_strike",
    "submit_review",
    "take_back_votes",
    "withdraw_reply",
    "withdraw_review",
    "withdraw_vote",
    "write_reply",
]
