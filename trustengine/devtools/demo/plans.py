"""What vendors use of the marketplace, month by month, and the plan that the demo's own shop has taken."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby

from billing import periods
from billing.models import PlanMeter
from billing.services.plans import change_draft, create_plan, draft_version, publish_version
from billing.services.subscriptions import When, change_plan, subscribe
from billing.services.usage import Event, record_events
from reviews.models import Review
from trustengine.accounts.models import Profile
from trustengine.database_time import database_now
from trustengine.devtools.demo.accounts import SHOP

AT_ONCE = 1_000
SOFT, HARD = PlanMeter.Kind.SOFT, PlanMeter.Kind.HARD
MEGABYTE = 1_000_000


def sell_plans() -> None:
    """Two plans beside the standard one. The shop has one of them, and goes over to the other at the month's end."""
    shop = Profile.objects.vendors().get(display_name=SHOP)
    small = create_plan(code="shop", name="Shop", actor=None)
    terms = {"description": "For shops with up to 250 new reviews a month.", "price_cents": 2_900}
    change_draft(small.pk, terms=terms, meters=_meters(reviews=250, calls=40_000), actor=None)
    large = create_plan(code="chain", name="Chain", actor=None)
    terms = {"description": "For many shops, or one that is talked about.", "price_cents": 9_900}
    change_draft(large.pk, terms=terms, meters=_meters(reviews=2_000, calls=500_000), actor=None)
    for version in (small, large):
        publish_version(version.pk, actor=None)
    draft_version(large.plan_id, copy_of=large.pk, actor=None)
    subscribe(shop.pk, small.pk, actor=None)
    change_plan(shop.pk, large.pk, when=When.PERIOD_END, actor=None)


def meter_usage() -> None:
    """Every review as one event, and the calls of every day of two months, each told in its own month."""
    events = sorted([*_reviews(), *_calls()], key=_told_at)
    for month, of_month in groupby(events, key=lambda event: periods.month_of(_told_at(event))):
        received = min(database_now(), periods.end_of(month))
        told = list(of_month)
        for first in range(0, len(told), AT_ONCE):
            record_events(told[first : first + AT_ONCE], now=received)


def _meters(*, reviews: int, calls: int) -> list[dict[str, object]]:
    return [
        {"meter": "reviews_collected", "included": reviews, "limit": None, "kind": SOFT},
        {"meter": "uploaded_bytes", "included": 500 * MEGABYTE, "limit": 1_000 * MEGABYTE, "kind": HARD},
        {"meter": "api_calls", "included": calls, "limit": 2 * calls, "kind": HARD},
    ]


def _reviews() -> Iterator[Event]:
    """The events that metering makes by itself of what is written from now on."""
    written = Review.objects.order_by("created_at", "pk").values_list("product__vendor", "pk", "created_at")
    for vendor, review, moment in written:
        yield Event(vendor, "reviews", str(review), "reviews_collected", 1, moment)


def _calls() -> Iterator[Event]:
    """More on weekdays, and more of those who have joined earlier."""
    today = database_now().replace(hour=12, minute=0, second=0, microsecond=0)
    for number, vendor in enumerate(Profile.objects.vendors().order_by("pk").values_list("pk", flat=True)):
        for ago in range(1, 60):
            noon = today - timedelta(days=ago)
            calls = 240 - 20 * (number % 8) + noon.toordinal() * 37 % 90 - 90 * (noon.weekday() >= 5)
            yield Event(vendor, "api", f"demo/{noon:%Y-%m-%d}", "api_calls", calls, noon)


def _told_at(event: Event) -> datetime:
    assert event.occurred_at is not None
    return event.occurred_at
