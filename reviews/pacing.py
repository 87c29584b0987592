"""Copying a review's shards into its totals, and how often: the more it is voted on, the less often.

The pace is measured where folds happen, over stretches of at least a second, so that
voting itself pays nothing for it. Above ``VIRAL_VOTES_PER_SECOND`` the folds of a review
are ``VIRAL_FOLD_SECONDS`` apart: each vote asks for a fold as ever, but at the moment that
its heat names. So the last vote is always folded, however it crosses with a fold.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from reviews.models import Review, ReviewHeat
from trustengine.database_time import database_now

SHORTEST_MEASUREMENT = timedelta(seconds=1)
COLD_AFTER = timedelta(hours=1)

TOTALS = """
    SELECT coalesce(sum(helpful), 0)::bigint, coalesce(sum(unhelpful), 0)::bigint, coalesce(sum(actions), 0)::bigint
    FROM reviews_reviewvoteshard WHERE review_id = %s
"""


@transaction.atomic
def fold(review_id: UUID) -> tuple[bool, datetime | None]:
    """Bring a review's totals up to date, under the lock of its fold.

    Returns whether they moved. With a moment, the review is viral and nothing was done: it
    is to be folded then.
    """
    now = database_now()
    heat = ReviewHeat.objects.filter(pk=review_id).first()
    if heat and heat.next_fold_at and now < heat.next_fold_at:
        return False, heat.next_fold_at
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, [review_id])
        helpful, unhelpful, actions = cursor.fetchone()
    folded = {"helpful_votes": helpful, "unhelpful_votes": unhelpful}
    moved = Review.objects.filter(pk=review_id).exclude(**folded).update(**folded)
    _measure(review_id, heat, actions, now)
    return bool(moved), None


def _measure(review_id: UUID, heat: ReviewHeat | None, actions: int, now: datetime) -> None:
    """Note the pace since the last measurement, and when the next fold may be."""
    if heat is None or now - heat.measured_at > COLD_AFTER:
        begun = {"actions": actions, "measured_at": now, "votes_per_second": 0.0, "viral_since": None}
        ReviewHeat.objects.update_or_create(pk=review_id, defaults={**begun, "next_fold_at": None})
        return
    passed = now - heat.measured_at
    if passed < SHORTEST_MEASUREMENT:
        return
    heat.votes_per_second = max(0, actions - heat.actions) / passed.total_seconds()
    heat.actions, heat.measured_at = actions, now
    is_viral = heat.votes_per_second >= settings.VIRAL_VOTES_PER_SECOND
    heat.viral_since = (heat.viral_since or now) if is_viral else None
    heat.next_fold_at = now + timedelta(seconds=settings.VIRAL_FOLD_SECONDS) if is_viral else None
    heat.save()


def forget_cold(*, batch: int) -> int:
    """Delete what is known of reviews that nobody has voted on for a while; returns how many."""
    cold = ReviewHeat.objects.filter(measured_at__lt=database_now() - 2 * COLD_AFTER)
    return ReviewHeat.objects.filter(pk__in=list(cold.values_list("pk", flat=True)[:batch])).delete()[0]
