"""Finding a text among all others by its fingerprint, in a bounded number of index reads.

MinHash (Broder 1997) over the shingles of five characters of the plain text, 64
permutations in 16 bands of 4 (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets,
3.4): texts of which half the shingles are shared meet in some band with a chance of
0.64, of which 0.7 are shared with 0.99. Who meets is compared in full (RapidFuzz).
Stored bands stay valid only while ``bands_of`` gives the same numbers: a test pins them.
"""

import hashlib
import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from rapidfuzz import fuzz
from rensa import RMinHash

from reviews.folding import words_of
from reviews.models import Review, ReviewFingerprint, ReviewFingerprintBand, ReviewRevision
from trustengine.bulk import Among, insert_rows

FORMULA_VERSION = 1
SHINGLE, BANDS, ROWS, SEED = 5, 16, 4, 42
PER_BAND, COMPARED = 16, 24  # looked at in each band, the newest ids first; and of these compared in full

MEET = """
    WITH met AS (
        SELECT hit.review_id, count(*) AS shared
        FROM unnest(%(bands)s::bigint[]) AS wanted (band)
        CROSS JOIN LATERAL (
            SELECT review_id FROM reviews_reviewfingerprintband AS stored
            WHERE stored.band = wanted.band AND stored.review_id <> %(review)s
            ORDER BY review_id DESC LIMIT %(per_band)s
        ) AS hit
        GROUP BY hit.review_id ORDER BY shared DESC, hit.review_id DESC LIMIT %(compared)s
    )
    SELECT review.id, review.author_id, review.product_id, revision.title, revision.comment
    FROM met JOIN reviews_reviewfingerprint AS fingerprint ON fingerprint.review_id = met.review_id
    JOIN reviews_review AS review ON review.id = met.review_id AND review.deleted_at IS NULL
    JOIN reviews_reviewrevision AS revision
        ON revision.review_id = met.review_id AND revision.number = fingerprint.revision
"""
FORGET = """
    WITH gone AS (
        DELETE FROM reviews_reviewfingerprint WHERE review_id = ANY(%s) RETURNING review_id, bands
    )
    DELETE FROM reviews_reviewfingerprintband AS stored
    USING gone, unnest(gone.bands) AS theirs (band)
    WHERE stored.band = theirs.band AND stored.review_id = gone.review_id
"""
TAKE_TURNS = "SELECT pg_advisory_xact_lock(%s)"


@dataclass(frozen=True)
class Copy:
    """A review whose text is nearly the one asked about; ``similarity`` in percent."""

    review_id: UUID
    author_id: UUID
    product_id: UUID
    similarity: int


def bands_of(text: str) -> list[int]:
    """The bands of a text, each a signed 64-bit number; none of one shorter than ``COPY_MIN_LENGTH``."""
    words = " ".join(words_of(text))
    if len(words) < settings.COPY_MIN_LENGTH:
        return []
    sketch = RMinHash(num_perm=BANDS * ROWS, seed=SEED)
    sketch.update(sorted({words[at : at + SHINGLE] for at in range(len(words) - SHINGLE + 1)}))
    digest = sketch.digest()
    return [_key(number, digest[number * ROWS : (number + 1) * ROWS]) for number in range(BANDS)]


def find_copies(text: str, bands: Sequence[int], *, review_id: UUID) -> list[Copy]:
    """Live reviews with nearly this text, most alike first. Texts that are alike take turns until commit.

    So of two copies that arrive at once, the second sees the first. One query, whatever
    the number of reviews; where very many share a band, the newest ids are compared.
    """
    if not bands:
        return []
    values: dict[str, Any] = {"bands": list(bands), "review": review_id, "per_band": PER_BAND, "compared": COMPARED}
    with connection.cursor() as cursor:
        cursor.execute(TAKE_TURNS, [bands[0]])
        cursor.execute(MEET, values)
        rows = cursor.fetchall()
    words = " ".join(words_of(text))
    copies = [
        Copy(review, author, product, similarity)
        for review, author, product, title, comment in rows
        if (similarity := _similarity(words, f"{title}\n{comment}")) >= settings.COPY_SIMILARITY
    ]
    return sorted(copies, key=lambda copy: -copy.similarity)


def remember_fingerprint(review_id: UUID, *, revision: int, bands: Sequence[int]) -> None:
    """Store the bands of a locked review's text in place of those it had; none are stored of a short text."""
    remember_fingerprints([(review_id, revision, bands)])


def remember_fingerprints(fingerprints: Collection[tuple[UUID, int, Sequence[int]]]) -> None:
    """The same of many reviews, each with the number of the revision and its bands."""
    forget_fingerprints([review for review, _, _ in fingerprints])
    kept = [(review, revision, list(bands)) for review, revision, bands in fingerprints if bands]
    insert_rows(
        ReviewFingerprint,
        [{"review_id": review, "revision": revision, "bands": bands} for review, revision, bands in kept],
    )
    pairs = sorted((band, review) for review, _, bands in kept for band in set(bands))
    insert_rows(ReviewFingerprintBand, [{"band": band, "review_id": review} for band, review in pairs])


def refresh_fingerprint(review_id: UUID) -> None:
    """Bring the fingerprint of a locked review in line with its texts, where it is not."""
    expected = expected_fingerprints([review_id]).get(review_id)
    stored = stored_fingerprints([review_id]).get(review_id)
    if expected is not None and stored != expected and (stored is not None or expected[1]):
        remember_fingerprints([(review_id, *expected)])


def forget_fingerprints(review_ids: Collection[UUID]) -> None:
    """Forget the texts of these reviews: nothing will be found to be a copy of them."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [list(review_ids)])


def expected_fingerprints(review_ids: Collection[UUID]) -> dict[UUID, tuple[int, list[int]]]:
    """Revision and bands that each live review should have: of its latest text that was not turned down.

    Where all were, of the latest one: a rejected text must not come back from another account.
    """
    revisions = ReviewRevision.objects.filter(Among("review", review_ids), review__deleted_at=None)
    chosen: dict[UUID, tuple[tuple[bool, int], str]] = {}
    for review, number, state, title, comment in revisions.order_by().values_list(
        "review", "number", "state", "title", "comment"
    ):
        rank = (state in {ReviewRevision.State.PENDING, ReviewRevision.State.APPROVED}, number)
        if review not in chosen or rank > chosen[review][0]:
            chosen[review] = rank, f"{title}\n{comment}"
    return {review: (rank[1], bands_of(text)) for review, (rank, text) in chosen.items()}


def stored_fingerprints(review_ids: Collection[UUID]) -> dict[UUID, tuple[int, list[int]]]:
    """Revision and bands as stored."""
    rows = ReviewFingerprint.objects.filter(Among("review", review_ids))
    return {review: (revision, bands) for review, revision, bands in rows.values_list("review", "revision", "bands")}


def lock_texts(review_ids: Collection[UUID]) -> None:
    """Lock these reviews, in order: their texts, and so their fingerprints, change under this lock alone."""
    reviews = Review.objects.select_for_update(of=("self",), no_key=True).filter(Among("pk", review_ids))
    list(reviews.order_by("pk").values_list("pk"))


def _key(number: int, values: Sequence[int]) -> int:
    packed = struct.pack(f"<BB{ROWS}I", FORMULA_VERSION, number, *values)
    return int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "little", signed=True)


def _similarity(words: str, other: str) -> int:
    """Percent of likeness: of the texts as they stand, or with their words in order of the alphabet."""
    theirs = " ".join(words_of(other))
    return round(max(fuzz.ratio(words, theirs), fuzz.token_sort_ratio(words, theirs)))
