"""What the reviews app imports, and what it derives when the orders app imports. The order is that of loading."""

from reviews.importers.refunds import take_refunded_reviews_out  # isort: skip
from reviews.importers.reviews import Reviews  # isort: skip
from reviews.importers.votes import Votes  # isort: skip

__all__ = ["Reviews", "Votes", "take_refunded_reviews_out"]
