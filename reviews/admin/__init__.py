"""The moderators' pages: what waits, decisions, all reviews, replies, reputations, screening, and what is viral."""

from reviews.admin import panels
from reviews.admin.policy import DenyTermAdmin, ScreeningPolicyAdmin
from reviews.admin.products import RatedProductAdmin
from reviews.admin.quarantine import QuarantineAdmin
from reviews.admin.replies import VendorReplyAdmin
from reviews.admin.reputation import ReputationAdmin, StrikeAdmin
from reviews.admin.reviews import ReviewAdmin

__all__ = [
    "DenyTermAdmin",
    "QuarantineAdmin",
    "RatedProductAdmin",
    "ReputationAdmin",
    "ReviewAdmin",
    "ScreeningPolicyAdmin",
    "StrikeAdmin",
    "VendorReplyAdmin",
    "panels",
]
