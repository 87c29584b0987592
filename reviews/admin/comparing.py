"""What a text is compared with: others that are much alike, and the days on which its product was reviewed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.safestring import SafeString

from reviews.admin.differences import difference
from reviews.models import Review, ReviewRevision
from trustengine.admin.days import start_of
from trustengine.admin.evidence import as_uuid
from trustengine.database_time import database_today

ALIKE = ("copied_text", "repeated_text")  # their data name the reviews that are alike
MOST_ALIKE = 5
DAYS, DAYS_AFTER = 28, 6


@dataclass(frozen=True)
class Alike:
    """Another review that says nearly the same, with what differs from this text marked."""

    review: Review
    title: SafeString
    comment: SafeString
    by_same_author: bool


def similar_texts(review: Review, text: Review | ReviewRevision, signals: Iterable[dict[str, Any]]) -> list[Alike]:
    """The reviews that screening found to be alike, in its order; those that are gone are left out."""
    ids = [key for signal in signals if signal.get("name") in ALIKE for key in _ids(signal)][:MOST_ALIKE]
    found = Review.objects.live().select_related("product", "author").in_bulk(ids)
    return [
        Alike(
            other,
            difference(text.title, other.title),
            difference(text.comment, other.comment),
            other.author_id == review.author_id,
        )
        for key in dict.fromkeys(ids)
        if (other := found.get(key)) is not None
    ]


@dataclass(frozen=True)
class Bar:
    """A day's reviews: how many, how high they are drawn (0 to 100), and whether the day is in the window."""

    day: date
    count: int
    height: float
    in_window: bool
    is_own: bool


@dataclass(frozen=True)
class Pace:
    """How often a product was reviewed, day by day."""

    bars: Sequence[Bar]
    words: str

    @property
    def is_burst(self) -> bool:
        return any(bar.in_window for bar in self.bars)


def pace_of(review: Review, signals: Iterable[dict[str, Any]]) -> Pace:
    """Reviews of the same product per day around this one; the window of a burst is marked where one was found."""
    today, written = database_today(), timezone.localdate(review.created_at)
    last = min(today, written + timedelta(days=DAYS_AFTER))
    days = [last - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    rows = (
        Review.objects.live()
        .filter(
            product=review.product_id,
            created_at__gte=start_of(days[0]),
            created_at__lt=start_of(last + timedelta(days=1)),
        )
        .order_by()
        .values_list(TruncDate("created_at"))
        .annotate(Count("pk"))
    )
    counts: dict[date, int] = dict(rows)
    most = max(counts.values(), default=1)
    since = _burst_since(signals)
    bars = [
        Bar(
            day,
            counts.get(day, 0),
            round(100 * counts.get(day, 0) / most, 1),
            in_window=since is not None and since <= day <= written,
            is_own=day == written,
        )
        for day in days
    ]
    total = sum(bar.count for bar in bars)
    words = f"{counts.get(written, 0)} on the day of this one, {total} in these {DAYS} days"
    return Pace(bars, words)


def _ids(signal: dict[str, Any]) -> list[UUID]:
    """The ids that a signal names, whatever else its data may hold."""
    data = signal.get("data")
    named = data.get("reviews") if isinstance(data, dict) else None
    given = named if isinstance(named, list) else []
    return [key for each in given if isinstance(each, str) and (key := as_uuid(each)) is not None]


def _burst_since(signals: Iterable[dict[str, Any]]) -> date | None:
    for signal in signals:
        data = signal.get("data")
        since = data.get("since") if signal.get("name") == "product_burst" and isinstance(data, dict) else None
        if isinstance(since, str):
            try:
                moment = datetime.fromisoformat(since)
            except ValueError:
                continue
            return timezone.localdate(moment) if timezone.is_aware(moment) else moment.date()
    return None
