"""The moderators' pages: the queue of what waits, the decision page, all reviews, reputations, and what is viral."""

from reviews.admin import panels
from reviews.admin.products import RatedProductAdmin
from reviews.admin.reputation import ReputationAdmin, StrikeAdmin
from reviews.admin.reviews import ReviewAdmin

__all__ = ["RatedProductAdmin", "ReputationAdmin", "ReviewAdmin", "StrikeAdmin", "panels"]
