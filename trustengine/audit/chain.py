"""Some seals, looked at on their own: each against its own hash, its signature, the seal before it and its entries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from trustengine.audit.digests import CONTENTS_DIGEST, ENTRY_DIGEST, GENESIS, is_ours, seal_hash
from trustengine.audit.problems import Kind, Problem

# No transaction that leaves an entry takes as long, and no two clocks are as far apart.
LONGEST_TRANSACTION = timedelta(hours=1)

SEALS = f"""
    SELECT seal.id, seal.number, seal.sealed_at, seal.first_position, seal.last_position, seal.count, seal.digest,
        {CONTENTS_DIGEST}, seal.previous_hash, seal.hash, seal.signature,
        before.number, before.hash
    FROM audit_seal seal LEFT JOIN LATERAL (
        SELECT number, hash FROM audit_seal WHERE number < seal.number ORDER BY number DESC LIMIT 1
    ) AS before ON true
    WHERE seal.number = ANY(%s) ORDER BY seal.number
"""

# An entry is backdated if sealing was at work between its time and its seal, long after the one and long before
# the other: an entry of that time would have been sealed then. History that came with its past times in one go,
# as that of the demo does, finds no seals made before it, and a pause of sealing leaves none to compare with.
ENTRIES = f"""
    SELECT seal.number, sealed.id, seal.id, entry.id IS NULL, {ENTRY_DIGEST} IS DISTINCT FROM sealed.digest,
        entry.at, earlier.sealed_at
    FROM audit_seal seal
    LEFT JOIN LATERAL (
        SELECT sealed_at FROM audit_seal
        WHERE sealed_at <= seal.sealed_at - make_interval(secs => %(longest)s) AND number < seal.number
        ORDER BY sealed_at DESC LIMIT 1
    ) AS earlier ON true
    CROSS JOIN LATERAL unnest(seal.entry_ids, seal.entry_digests) AS sealed (id, digest)
    LEFT JOIN audit_entry entry ON entry.id = sealed.id
    WHERE seal.number = ANY(%(numbers)s) AND (
        entry.id IS NULL OR {ENTRY_DIGEST} IS DISTINCT FROM sealed.digest
        OR entry.at < earlier.sealed_at - make_interval(secs => %(longest)s)
    )
    ORDER BY seal.number, sealed.id
"""


@dataclass(frozen=True)
class _Stored:
    """A seal's row without its arrays: ``contents`` is their digest as it is, ``digest`` as it was sealed."""

    id: UUID
    number: int
    sealed_at: datetime
    first: int
    last: int
    count: int
    digest: bytes
    contents: bytes | None
    previous: bytes
    hash: bytes
    signature: bytes
    number_before: int | None
    hash_before: bytes | None

    def hash_of_contents(self) -> bytes:
        return seal_hash(
            number=self.number,
            sealed_at=self.sealed_at,
            first=self.first,
            last=self.last,
            count=self.count,
            digest=self.contents or b"",
            previous=self.previous,
        )


def check_seals(numbers: Sequence[int]) -> Iterator[Problem]:
    """What is wrong with the seals of these numbers, the gaps before them, and their entries."""
    with connection.cursor() as cursor:
        cursor.execute(SEALS, [list(numbers)])
        for row in cursor.fetchall():
            yield from _check_link(_Stored(*row))
        cursor.execute(ENTRIES, {"numbers": list(numbers), "longest": LONGEST_TRANSACTION.total_seconds()})
        for number, entry, seal_id, is_gone, is_changed, at, earlier in cursor.fetchall():
            if is_gone:
                yield Problem(Kind.ENTRY_REMOVED, number, entry, seal_id)
            elif is_changed:
                yield Problem(Kind.ENTRY_CHANGED, number, entry, seal_id)
            else:
                dates = {"dated": at.isoformat(), "sealed_before_it": earlier.isoformat()}
                yield Problem(Kind.ENTRY_BACKDATED, number, entry, seal_id, dates)


def _check_link(seal: _Stored) -> Iterator[Problem]:
    expected_before = seal.number - 1
    if expected_before != (seal.number_before or 0):
        gap = [(seal.number_before or 0) + 1, expected_before]
        yield Problem(Kind.SEAL_REMOVED, expected_before, seal_id=seal.id, details={"seals": gap})
    elif seal.previous != (seal.hash_before or GENESIS):
        yield Problem(Kind.SEAL_UNCHAINED, seal.number, seal_id=seal.id)
    if seal.contents != seal.digest or seal.hash_of_contents() != seal.hash:
        yield Problem(Kind.SEAL_CHANGED, seal.number, seal_id=seal.id)
    if not is_ours(seal.hash, seal.signature):
        yield Problem(Kind.SEAL_FORGED, seal.number, seal_id=seal.id)
