"""What a scrape tells about reviews."""

from django.db.models import Min

from reviews.models import Review, VendorReply
from reviews.shards import count_uneven
from trustengine.database_time import database_now
from trustengine.insight import gauge


@gauge("trustengine_pending_reviews", "Reviews with a text that waits for a decision.")
def pending_reviews() -> float:
    return Review.objects.pending().count()


@gauge("trustengine_oldest_pending_review_seconds", "How long the oldest of them has been waiting; 0 when none is.")
def oldest_pending_review() -> float:
    oldest = Review.objects.pending().aggregate(oldest=Min("revisions__created_at"))["oldest"]
    return max((database_now() - oldest).total_seconds(), 0.0) if oldest else 0.0


@gauge("trustengine_pending_replies", "Vendors' replies with a text that waits for a decision.")
def pending_replies() -> float:
    return VendorReply.objects.pending().count()


@gauge("trustengine_skewed_vote_shards", "Reviews voted on in the last hours whose shards do not fill by chance.")
def skewed_vote_shards() -> float:
    return count_uneven()
