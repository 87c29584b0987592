"""Keeping days up to date. What an event marks is a job row; a run takes all that wait, and makes them anew.

So a change that commits while its day is being made has a job of its own, and the next run
sees it: the last order of a day needs no later one.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from django.conf import settings

from metrics.services import aggregate_rating_days, aggregate_ticks, follow_ticks
from metrics.touched import rating_days_of, vendor_ticks_of
from orders.services.days import VendorTick
from trustengine.jobs.registry import job, subscribe
from trustengine.jobs.services import enqueue

# Orders that come one by one are summed up once in this time, whatever their number; the first of them at once.
BEAT_SECONDS = 1.0
TICKS_AT_ONCE = 500


def _following() -> tuple[str, list[int]]:
    return "metrics_follow(keys, %s)", [settings.PLATFORM_FEE_BPS]


@subscribe("orders.day_changed", key="vendor_tick")
@job(queue="default", together=True, pace=BEAT_SECONDS, in_database=_following)
def follow_orders(keys: Sequence[str]) -> None:
    """Make the vendors' hours and the platform's ticks anew that orders have changed, and what they are parts of."""
    follow_ticks([VendorTick.of(key) for key in keys])


@subscribe("reviews.counted_changed", key="review_id")
@job(queue="default", together=True, pace=BEAT_SECONDS)
def follow_reviews(keys: Sequence[str]) -> None:
    """Count the stars anew of the days on which these reviews were written."""
    aggregate_rating_days(rating_days_of([UUID(key) for key in keys]))


@subscribe("orders.terms_changed")
@job(queue="low", long=True)
def follow_terms(vendor_id: str, after: str = "") -> None:
    """Make all days of a vendor anew whose fee was changed, a part at a time, the latest first."""
    vendor, before = UUID(vendor_id), date.fromisoformat(after) if after else None
    ticks = vendor_ticks_of(vendor, before=before, at_least=TICKS_AT_ONCE)
    if ticks:
        aggregate_ticks(ticks)
        enqueue(follow_terms, vendor_id=vendor_id, after=min(each.day for each in ticks).isoformat())
