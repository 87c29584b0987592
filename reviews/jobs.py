"""Background work of the reviews app. Each handler takes a key and recomputes, so a repeat is harmless."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q, Sum
from django.utils import timezone

from reviews.models import Review, ReviewRevision, ReviewVoteShard
from trustengine.jobs.registry import job, scheduled, subscribe
from trustengine.jobs.services import enqueue

FORGOTTEN_AT_ONCE = 2_000


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


@job(queue="high")
def sweep_quarantine(quarantine_id: str, after: str = "") -> None:
    """Bring into a quarantine what was approved for the first time since its burst began, a part at a time."""
    from reviews.services.quarantine import sweep

    following = sweep(UUID(quarantine_id), after=UUID(after) if after else None)
    if following is not None:
        enqueue(sweep_quarantine, quarantine_id=quarantine_id, after=following)


@job(queue="high")
def replay_quarantine(quarantine_id: str) -> None:
    """Let the reviews of a released quarantine count, a part at a time."""
    from reviews.services.quarantine import replay

    if replay(UUID(quarantine_id)):
        enqueue(replay_quarantine, quarantine_id=quarantine_id)


@scheduled("41 4 * * *")
@job(queue="low")
def forget_origins() -> None:
    """Forget where texts older than ``ORIGIN_DAYS`` came from, a part at a time."""
    before = timezone.now() - timedelta(days=settings.ORIGIN_DAYS)
    known = ReviewRevision.objects.filter(~Q(ip_hash="") | ~Q(agent_hash=""), created_at__lt=before)
    oldest = list(known.order_by("created_at").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    if ReviewRevision.objects.filter(pk__in=oldest).update(ip_hash="", agent_hash=""):
        enqueue(forget_origins)
