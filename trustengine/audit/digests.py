"""What exactly is hashed and signed. Changing anything here breaks every seal that exists.

**An entry's digest** is the SHA-256 of a JSON array of its columns, computed by PostgreSQL where
the entry lies: a million entries need not travel to be verified. The text that is hashed depends
on no setting of a session: times are microseconds since 1970, ids lower-case, JSON as ``jsonb``
prints it (members by length of name, then by bytes). No function of ours stands in the database,
where it could be replaced. **A seal's digest** covers the ids and digests of its entries, **its
hash** this and the hash of the seal before; both are computed in Python as well as in SQL.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings

GENESIS = bytes(32)  # stands before the first seal
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Of a row called "entry". A client's id of its request came later: entries without one have the digest they always had.
ENTRY_DIGEST = """sha256(convert_to((jsonb_build_array(
    entry.id, entry.position, (extract(epoch FROM entry.at) * 1000000)::bigint, entry.actor_kind, entry.actor_id,
    entry.verb, entry.object_type, entry.object_id, entry.before, entry.after, entry.reason, entry.request_id,
    entry.job_id) || CASE entry.client_request_id WHEN '' THEN '[]'::jsonb
    ELSE jsonb_build_array(entry.client_request_id) END)::text, 'UTF8'))"""

# Of a row called "seal".
CONTENTS_DIGEST = """(
    SELECT sha256(string_agg(uuid_send(sealed.id) || sealed.digest, ''::bytea ORDER BY sealed.place))
    FROM unnest(seal.entry_ids, seal.entry_digests) WITH ORDINALITY AS sealed (id, digest, place))"""


def contents_digest(ids: Iterable[UUID], digests: Iterable[bytes]) -> bytes:
    """The digest over a seal's entries: the same as CONTENTS_DIGEST."""
    return hashlib.sha256(b"".join(key.bytes + digest for key, digest in zip(ids, digests, strict=True))).digest()


def seal_hash(
    *, number: int, sealed_at: datetime, first: int, last: int, count: int, digest: bytes, previous: bytes
) -> bytes:
    """The hash of a seal, by which the next one names it."""
    microseconds = (sealed_at - EPOCH) // timedelta(microseconds=1)
    members = [number, microseconds, first, last, count, digest.hex(), previous.hex()]
    return hashlib.sha256(json.dumps(members).encode()).digest()


def sign(hashed: bytes) -> bytes:
    """Sign a seal's hash with the first of the keys."""
    return _signature(settings.AUDIT_KEYS[0], hashed)


def is_ours(hashed: bytes, signature: bytes) -> bool:
    """Whether one of the keys, the present one or one that it replaced, signed this hash."""
    return any(hmac.compare_digest(_signature(key, hashed), signature) for key in settings.AUDIT_KEYS)


def _signature(key: str, hashed: bytes) -> bytes:
    own = hmac.new(key.encode(), b"trustengine audit seals", hashlib.sha256).digest()
    return hmac.new(own, hashed, hashlib.sha256).digest()
