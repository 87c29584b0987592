"""Too many reviews at once: of a product, of a vendor, by an author, from an address.

Of products and vendors their own past says what is too many. Imported reviews are part
of the past but of no burst; what is in quarantine is no part of the past.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Q, QuerySet

from orders.models import Product
from reviews.models import Quarantine, Review, ReviewRevision
from reviews.screening.catalogue import found
from reviews.screening.poisson import rate, tail
from reviews.screening.signals import Signal, Submission

# What a product, or a vendor, without a past may expect a day, and how many days that belief is worth.
PRODUCT_PRIOR, VENDOR_PRIOR, PRIOR_DAYS = 0.5, 2.0, 7.0
DAY = timedelta(days=1)


def product_burst(submission: Submission) -> Iterator[Signal]:
    """Signals ``product_burst`` and ``under_quarantine``. Counting begins anew at each decision on a quarantine."""
    window = submission.written_at - timedelta(hours=settings.BURST_WINDOW_HOURS)
    decided = Quarantine.objects.filter(product=submission.product_id).aggregate(
        last=Max("decided_at"), waiting=Count("pk", filter=Q(state=Quarantine.State.OPEN))
    )
    since = max(window, decided["last"] or window)
    counts = _count(Review.objects.filter(product=submission.product_id), since, submission.written_at)
    if (burst := _unlikely(counts, since, submission.written_at, prior=PRODUCT_PRIOR)) is not None:
        yield found("product_burst", _sentence("This product has had", burst), **burst)
    if decided["waiting"]:
        yield found("under_quarantine", "New ratings of this product are in quarantine until somebody decides.")


def vendor_burst(submission: Submission) -> Iterator[Signal]:
    """Signal ``vendor_burst``: many reviews over all products of a vendor."""
    since = submission.written_at - timedelta(hours=settings.BURST_WINDOW_HOURS)
    vendor = Product.objects.filter(pk=submission.product_id).values("vendor")
    products = Product.objects.filter(vendor__in=vendor).values("pk")
    counts = _count(Review.objects.filter(product__in=products), since, submission.written_at)
    if (burst := _unlikely(counts, since, submission.written_at, prior=VENDOR_PRIOR)) is not None:
        yield found("vendor_burst", _sentence("This vendor's products have had", burst), **burst)


def author_burst(submission: Submission) -> Iterator[Signal]:
    """Signal ``author_burst``: ``AUTHOR_BURST_PER_HOUR`` reviews by one author within an hour."""
    since = submission.written_at - timedelta(hours=1)
    own = Review.objects.filter(
        author=submission.author_id, import_digest=None, created_at__gt=since, created_at__lte=submission.written_at
    )
    if (number := own.count()) >= settings.AUTHOR_BURST_PER_HOUR:
        yield found("author_burst", f"The author has written {number} reviews within an hour.", found=number)


def origin_burst(submission: Submission) -> Iterator[Signal]:
    """Signal ``origin_burst``: ``ORIGIN_BURST_AUTHORS`` authors at one address within the window."""
    if not submission.ip_hash:
        return
    since = submission.written_at - timedelta(hours=settings.BURST_WINDOW_HOURS)
    there = ReviewRevision.objects.filter(
        ip_hash=submission.ip_hash, created_at__gt=since, created_at__lte=submission.written_at
    )
    number = there.order_by().aggregate(authors=Count("review__author", distinct=True))["authors"]
    if number >= settings.ORIGIN_BURST_AUTHORS:
        yield found("origin_burst", f"{number} authors have written from the same address lately.", found=number)


def is_attack(signal: Signal) -> bool:
    """Whether a burst of a product is one that its rating has to be kept from."""
    return (
        signal.name == "product_burst"
        and signal.data["found"] >= settings.QUARANTINE_MIN_REVIEWS
        and signal.data["probability"] <= settings.QUARANTINE_PROBABILITY
    )


def _count(reviews: "QuerySet[Review]", since: datetime, until: datetime) -> dict[str, Any]:
    past = Q(created_at__lte=since, quarantined_at=None)
    begin = since - timedelta(days=settings.BURST_BASELINE_DAYS)
    return reviews.filter(created_at__gt=begin, created_at__lte=until).aggregate(
        now=Count("pk", filter=Q(created_at__gt=since, import_digest=None)),
        past=Count("pk", filter=past),
        oldest=Min("created_at", filter=past),
        first=Min("product__created_at"),
    )


def _unlikely(counts: dict[str, Any], since: datetime, until: datetime, *, prior: float) -> dict[str, Any] | None:
    """The numbers of a burst, or None if there is none."""
    if counts["now"] < settings.BURST_MIN_REVIEWS:
        return None
    watched = [moment for moment in (counts["oldest"], counts["first"]) if moment is not None and moment < since]
    days = min((since - min(watched)) / DAY, settings.BURST_BASELINE_DAYS) if watched else 0.0
    expected = rate(counts["past"], days, prior_mean=prior, prior_days=PRIOR_DAYS) * ((until - since) / DAY)
    probability = tail(counts["now"], expected)
    if probability > settings.BURST_PROBABILITY:
        return None
    return {
        "found": counts["now"],
        "expected": round(expected, 3),
        "probability": probability,
        "since": since.isoformat(),
    }


def _sentence(who: str, burst: dict[str, Any]) -> str:
    since = datetime.fromisoformat(burst["since"])
    expected = f"{burst['expected']:.1f} were to be expected"
    return f"{who} {burst['found']} reviews since {since:%d %b, %H:%M} UTC, where {expected}."
