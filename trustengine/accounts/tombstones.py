"""Recognising somebody who was erased, without keeping who they were.

What is kept of a subject is its HMAC-SHA256 under a key derived from ``AUDIT_KEY``,
which the database never sees: who holds the table alone cannot try subjects out.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

from trustengine.accounts.models import ErasedSubject
from trustengine.bulk import Among


def remember(subject: str, *, at: datetime) -> None:
    """Keep the digest of a subject that is being erased; of one that was erased before, the later time."""
    ErasedSubject.objects.update_or_create(digest=_digest(settings.AUDIT_KEYS[0], subject), defaults={"erased_at": at})


def erased_at(subject: str) -> datetime | None:
    """When this subject was last erased; None where it never was."""
    digests = [_digest(key, subject) for key in settings.AUDIT_KEYS]
    times = ErasedSubject.objects.filter(Among("digest", digests)).values_list("erased_at", flat=True)
    return max(times, default=None)


def erased_among(subjects: Iterable[str]) -> set[str]:
    """Those of the subjects that were erased, in one query, or two where anybody ever was."""
    if not ErasedSubject.objects.exists():
        return set()
    digests = {_digest(key, subject): subject for subject in subjects for key in settings.AUDIT_KEYS}
    found = ErasedSubject.objects.filter(Among("digest", digests)).values_list("digest", flat=True)
    return {digests[digest] for digest in found}


def _digest(key: str, subject: str) -> str:
    own = hmac.new(key.encode(), b"trustengine erased subjects", hashlib.sha256).digest()
    return hmac.new(own, subject.encode(), hashlib.sha256).hexdigest()
