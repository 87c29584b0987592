"""The moderators' pages: the queue of what waits, the decision page, and all reviews."""

from reviews.admin import panels
from reviews.admin.policy import DenyTermAdmin, ScreeningPolicyAdmin
from reviews.admin.products import RatedProductAdmin
from reviews.admin.quarantine import QuarantineAdmin
from reviews.admin.reviews import ReviewAdmin

__all__ = [
    "DenyTermAdmin",
    "QuarantineAdmin",
    "RatedProductAdmin",
    "ReviewAdmin",
    "ScreeningPolicyAdmin",
    "panels",
]
