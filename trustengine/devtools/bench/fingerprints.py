"""Copies of a text among very many reviews: how fast fingerprints are stored, and how fast copies are found.

A million reviews take ten minutes and four gigabytes, so this one runs only where it is named.
"""

import random
import statistics
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from orders.clock import placement
from orders.models import Order, OrderItem, Product
from reviews.fingerprints import MEET, PER_BAND, bands_of, find_copies, remember_fingerprints
from reviews.models import Review, ReviewRevision
from trustengine.accounts.models import Profile, User
from trustengine.bulk import insert_rows
from trustengine.database_time import database_now
from trustengine.devtools.bench.rounds import Figures, Size, Stopwatch, stopwatch
from trustengine.identifiers import uuid7

BATCH = 2_000
LONG = 80  # characters, certainly compared
SYLLABLES = [consonant + vowel for consonant in "bcdfglmnprstvz" for vowel in ("a", "e", "i", "o", "u", "ao", "en")]


def measure(size: Size) -> Figures:
    """Reviews a second into the index; milliseconds to find the copies of a text, or that there are none."""
    rng = random.Random(11)
    texts: list[tuple[uuid.UUID, str]] = []
    storing = Stopwatch()
    words = _vocabulary(rng)
    for batch in _reviews(rng, words, size.fingerprints):
        with stopwatch() as watch, transaction.atomic():
            remember_fingerprints([(review, 1, bands_of(text)) for review, text in batch])
        storing.seconds += watch.seconds
        texts += [(review, text) for review, text in batch[:10] if len(text) > LONG]
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE reviews_reviewfingerprintband, reviews_reviewfingerprint, reviews_review")
    copies = [(review, _edited(rng, words, text)) for review, text in rng.choices(texts, k=size.lookups)]
    found, copied = _look_up(copies)
    _, fresh = _look_up([(None, _text(rng, words)) for _ in range(size.lookups)])
    return {
        "stored_per_second": storing.per_second(size.fingerprints),
        "copy_median_milliseconds": statistics.median(copied),
        "copy_99th_milliseconds": _percentile(copied),
        "fresh_median_milliseconds": statistics.median(fresh),
        "fresh_99th_milliseconds": _percentile(fresh),
        "copies_found_share": found / size.lookups,
    }


def plan(text: str) -> str:
    """The plan of the look-up, as PostgreSQL carries it out."""
    values: dict[str, Any] = {"bands": bands_of(text), "review": uuid7(), "per_band": PER_BAND, "compared": 24}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {MEET}", values)
        return "\n".join(line for (line,) in cursor.fetchall())


def _look_up(texts: Sequence[tuple[uuid.UUID | None, str]]) -> tuple[int, list[float]]:
    """How often the review that a text was copied from is found, and what each look-up took, in milliseconds."""
    found, taken = 0, []
    for source, text in texts:
        with stopwatch() as watch, transaction.atomic():
            copies = find_copies(text, bands_of(text), review_id=uuid.UUID(int=0))
        taken.append(1_000 * watch.seconds)
        found += any(copy.review_id == source for copy in copies)
    return found, taken


def _percentile(values: Sequence[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]


def _reviews(rng: random.Random, words: Sequence[str], count: int) -> Iterator[list[tuple[uuid.UUID, str]]]:
    """Approved reviews, in batches; one text in fifty is a copy of an earlier one, one in twenty short praise."""
    authors, products, item = _around(count)
    earlier: list[str] = []
    for start in range(0, count, BATCH):
        batch = []
        for _ in range(start, min(count, start + BATCH)):
            luck = rng.random()
            text = _edited(rng, words, rng.choice(earlier)) if earlier and luck < 0.02 else _text(rng, words)
            batch.append((uuid7(), "muito bom" if luck > 0.95 else text))
        earlier += [text for _, text in batch[:5] if len(text) > LONG]
        content = [{"rating": rng.randint(1, 5), "comment": text} for _, text in batch]
        pairs = [divmod(start + number, len(authors)) for number in range(len(batch))]
        with transaction.atomic():
            insert_rows(
                Review,
                [
                    {
                        "id": review,
                        "product_id": products[product],
                        "author_id": authors[author],
                        "order_item_id": item,
                        "status": "approved",
                        "verification": "delivered",
                        **given,
                    }
                    for (review, _), (product, author), given in zip(batch, pairs, content, strict=True)
                ],
            )
            decided = {"number": 1, "state": "approved", "decided_at": database_now()}
            insert_rows(
                ReviewRevision,
                [{"review_id": review, **decided, **given} for (review, _), given in zip(batch, content, strict=True)],
            )
        yield batch


def _around(count: int) -> tuple[list[uuid.UUID], list[uuid.UUID], uuid.UUID]:
    """As many authors and products as it takes for each pair to review once, and one item bought."""
    side = int(count**0.5) + 1
    authors = [user.pk for user in User.objects.bulk_create(User() for _ in range(side))]
    vendor = Profile.objects.create(kind=Profile.Kind.VENDOR)
    terms = {"vendor": vendor, "title": "A thing", "price_cents": 100, "currency": settings.MARKETPLACE_CURRENCY}
    products = Product.objects.bulk_create(Product(**terms) for _ in range(side))
    customer = Profile.objects.create(kind=Profile.Kind.CUSTOMER, user_id=authors[0])
    order = Order.objects.create(customer=customer, currency=settings.MARKETPLACE_CURRENCY, **placement(database_now()))
    item = OrderItem.objects.create(
        order=order,
        product=products[0],
        vendor=vendor,
        day=order.day,
        tick=order.tick,
        quantity=1,
        unit_price_cents=100,
        fulfilment_status=OrderItem.Fulfilment.DELIVERED,
        delivered_at=database_now() - timedelta(days=1),
    )
    return authors, [product.pk for product in products], item.pk


def _vocabulary(rng: random.Random) -> list[str]:
    return ["".join(rng.choices(SYLLABLES, k=rng.choice((1, 2, 2, 3, 3, 4)))) for _ in range(5_000)]


def _text(rng: random.Random, words: Sequence[str]) -> str:
    """Twelve to fifty words, few of them very often, as in any language (Zipf's law)."""
    return " ".join(
        words[min(len(words) - 1, int(20 * (rng.paretovariate(1.0) - 1)))] for _ in range(rng.randint(12, 50))
    )


def _edited(rng: random.Random, words: Sequence[str], text: str) -> str:
    """The text with one word in ten replaced."""
    return " ".join(rng.choice(words) if rng.random() < 0.1 else word for word in text.split())
