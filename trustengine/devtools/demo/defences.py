"""What screening keeps beside its verdicts: the quarantine of the burst, and the fingerprints of texts."""

from datetime import datetime, timedelta

from django.conf import settings

from orders.models import Product
from reviews.fingerprints import expected_fingerprints, remember_fingerprints
from reviews.models import Quarantine, Review
from reviews.screening.bursts import PRIOR_DAYS, PRODUCT_PRIOR
from reviews.screening.poisson import rate, tail
from trustengine.devtools.demo.history import History
from trustengine.devtools.demo.world import World


def quarantine_burst(world: World, history: History, product: Product) -> None:
    """Keep the bought praise of a product out of its rating, from the moment at which the rule would have seen it."""
    written = sorted((story.review for story in history.stories if story.review.product_id == product.pk), key=_moment)
    window = timedelta(hours=settings.BURST_WINDOW_HOURS)
    for number, review in enumerate(written):
        since = review.created_at - window
        found = sum(each.created_at > since for each in written[: number + 1])
        past = number + 1 - found
        days = min((since - product.created_at) / timedelta(days=1), settings.BURST_BASELINE_DAYS)
        expected = rate(past, max(days, 0), prior_mean=PRODUCT_PRIOR, prior_days=PRIOR_DAYS) * (window.days or 1)
        if found >= settings.QUARANTINE_MIN_REVIEWS and tail(found, expected) <= settings.QUARANTINE_PROBABILITY:
            _open(world, review, [each for each in written if each.created_at > since], found, expected)
            return


def keep_fingerprints() -> None:
    """Have copies of the demo's texts found."""
    ids = list(Review.objects.live().order_by("pk").values_list("pk", flat=True))
    remember_fingerprints([(key, *fingerprint) for key, fingerprint in expected_fingerprints(ids).items()])


def _open(world: World, last: Review, burst: list[Review], found: int, expected: float) -> None:
    moment = last.created_at + timedelta(seconds=2)
    row = Quarantine(
        id=world.uuid(moment),
        product=last.product,
        since=moment - timedelta(hours=settings.BURST_WINDOW_HOURS),
        reason="product_burst",
        found=found,
        expected=round(expected, 3),
        probability=tail(found, expected),
        opened_at=moment,
    )
    world.add(row)
    after = {"product": row.product_id, "since": row.since, "found": found, "expected": row.expected}
    world.record(moment, "quarantine.opened", row, after=after, reason=row.reason)
    for review in burst:
        if review.status == Review.Status.APPROVED and review.moderated_at is not None:
            review.quarantine, review.quarantined_at = row, max(moment, review.moderated_at)
            world.touch(review, review.quarantined_at)


def _moment(review: Review) -> datetime:
    return review.created_at
