"""Sealing: naming entries, with their digests, in a chain of signed seals.

Neither positions nor ids nor times are committed in their order, so "everything after the last
seal" would miss entries whose transaction commits late. Each entry brings a row of ``Unsealed``
instead, in its own transaction, and its seal takes that away: an entry is waiting or sealed, at
every commit, and a late one is in a later seal. Looking for work costs what is waiting, however
long the log.
"""

import time
from typing import Any

import structlog
from django.db import connection, transaction

from trustengine.audit.digests import ENTRY_DIGEST, GENESIS, contents_digest, seal_hash, sign
from trustengine.audit.models import Seal

logger = structlog.get_logger(__name__)

ENTRIES_PER_SEAL = 1_000

# What waits without its entry stays, and verification names it.
TAKE_WAITING = f"""
    WITH waiting AS MATERIALIZED (
        SELECT unsealed.position AS place, entry.position, entry.id, {ENTRY_DIGEST} AS digest
        FROM audit_unsealed unsealed JOIN audit_entry entry ON entry.id = unsealed.entry_id
        ORDER BY unsealed.position LIMIT %s
    ), taken AS (
        DELETE FROM audit_unsealed USING waiting WHERE audit_unsealed.position = waiting.place
        RETURNING waiting.position, waiting.id, waiting.digest
    )
    SELECT position, id, digest, clock_timestamp() FROM taken ORDER BY position
"""


def seal_waiting(*, seconds: float) -> int:
    """Seal what waits, seal after seal, each in a transaction of its own; returns how many entries.

    Ends when nothing waits, when another sealer is at work, or after so many seconds.
    """
    deadline = time.monotonic() + seconds
    sealed = 0
    while time.monotonic() < deadline and (seal := seal_batch()):
        sealed += seal.count
        if seal.count < ENTRIES_PER_SEAL:
            break
    return sealed


def seal_batch() -> Seal | None:
    """Add one seal over the entries that have waited longest.

    None where nothing waits, or another sealer is at work: sealers take turns, so that there is one chain.
    """
    with transaction.atomic():
        if not _has_turn():
            return None
        seal = _add_seal()
    if seal is not None:
        # Kept where logs are kept, this line proves later that the seal existed: verify_audit --expect.
        logger.info("audit_sealed", number=seal.number, hash=seal.hash.hex(), entries=seal.count)
    return seal


def _has_turn() -> bool:
    """A statement of its own, before the head is read, which then is what the last holder committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('audit.seal', 0))")
        return bool(cursor.fetchone()[0])


def _add_seal() -> Seal | None:
    with connection.cursor() as cursor:
        cursor.execute(TAKE_WAITING, [ENTRIES_PER_SEAL])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    if not rows:
        return None
    positions, ids, digests, moments = zip(*rows, strict=True)
    head = Seal.objects.order_by("-number").values("number", "hash").first()
    number, previous = (head["number"] + 1, bytes(head["hash"])) if head else (1, GENESIS)
    digest = contents_digest(ids, map(bytes, digests))
    hashed = seal_hash(
        number=number,
        sealed_at=moments[0],
        first=positions[0],
        last=positions[-1],
        count=len(ids),
        digest=digest,
        previous=previous,
    )
    return Seal.objects.create(
        number=number,
        sealed_at=moments[0],
        first_position=positions[0],
        last_position=positions[-1],
        count=len(ids),
        entry_ids=list(ids),
        entry_digests=[bytes(each) for each in digests],
        digest=digest,
        previous_hash=previous,
        hash=hashed,
        signature=sign(hashed),
    )
