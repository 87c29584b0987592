"""Background work of the reviews app. Each handler takes a key and recomputes, so a repeat is harmless."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Sum

from reviews.models import Review, ReviewVoteShard
from trustengine.jobs.registry import job, subscribe


@job(queue="high", coalesce=True)
def screen_review(key: str) -> None:
    """Run the automatic checks over what waits in a review, and approve it where the policy says so."""
    from reviews.screening import screen  # the services it decides through enqueue this very job

    screen(UUID(key))


@job(queue="default", coalesce=True)
def fold_votes(key: str) -> None:
    """Copy a review's shard totals into the review itself.

    Runs once for all votes of the review committed so far; the per-key lock that the
    runner holds makes a later run see a later state.
    """
    totals = ReviewVoteShard.objects.filter(review_id=key).aggregate(
        helpful=Sum("helpful", default=0), unhelpful=Sum("unhelpful", default=0)
    )
    folded = {"helpful_votes": totals["helpful"], "unhelpful_votes": totals["unhelpful"]}
    Review.objects.filter(pk=key).exclude(**folded).update(**folded)


@subscribe("orders.items_refunded")
@job(queue="default")
def mark_purchases_refunded(item_ids: Sequence[str]) -> int:
    """Take the reviews of refunded items out of their products' ratings."""
    from reviews.services.refunds import mark_purchases_refunded as mark

    return mark([UUID(item) for item in item_ids])


@subscribe("reviews.review_decided", key="author_id")
@job(queue="low", coalesce=True)
def recompute_reputation(key: str) -> None:
    """Derive an author's reputation from their decided reviews."""
    from reviews.reputation import recompute

    recompute(UUID(key))


@subscribe("reviews.review_withdrawn", key="product_id")
@subscribe("reviews.visibility_changed", key="product_id")
@job(queue="high", coalesce=True)
def forget_stale_answers(key: str) -> None:
    """Take a product's pages out of the cache for outages: a text that was taken down must not come back with one."""
    from reviews.api.products import forget_stale_answers as forget

    forget(UUID(key))
