"""The moderators' pages: what waits, the decision page, all reviews, replies, reputations, and what is viral."""

from reviews.admin import panels
from reviews.admin.products import RatedProductAdmin
from reviews.admin.replies import VendorReplyAdmin
from reviews.admin.reputation import ReputationAdmin, StrikeAdmin
from reviews.admin.reviews import ReviewAdmin

__all__ = ["RatedProductAdmin", "ReputationAdmin", "ReviewAdmin", "StrikeAdmin", "VendorReplyAdmin", "panels"]
