"""The moderators' pages: the queue of what waits, the decision page, all reviews, and vendors' replies."""

from reviews.admin import panels
from reviews.admin.products import RatedProductAdmin
from reviews.admin.replies import VendorReplyAdmin
from reviews.admin.reviews import ReviewAdmin

__all__ = ["RatedProductAdmin", "ReviewAdmin", "VendorReplyAdmin", "panels"]
