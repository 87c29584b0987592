"""How pressing a case is: a product of parts, each told in words.

    priority = severity × reporters × author × exposure × 2^(age / half-day constant)

Each part is bounded, so none can drown the others. Age multiplies the priority by two every
``CASE_DOUBLES_HOURS``. Its logarithm grows evenly, so the order of two cases never changes
by waiting alone, and a case stores ``pressure = log2(parts) − opened / period`` once instead
of being touched every hour: the greatest pressure is the greatest priority at any time.

A report weighs as much as its reporter's record says (after Discourse, which weighs a flag
by its flagger): the Laplace estimate (actioned + 2) / (decided + 4) within 0.1 and 0.9, and
0.5 until five are decided. The heaviest reporter counts; others add only if their own record
has shown them reliable. So a brigade of new or unreliable accounts weighs no more than one.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from reports.models import ReporterRecord
from trustengine.database_time import database_now

NEUTRAL, LEAST, MOST = 0.5, 0.1, 0.9
DECIDED_ENOUGH = 5
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Part:
    """One factor of a priority, and why it is so."""

    name: str
    factor: float
    words: str


@dataclass(frozen=True)
class Circumstances:
    """What is known about a case when its priority is worked out."""

    severity: int  # of the heaviest reason, 1 to 10
    severity_words: str
    reliabilities: Sequence[float]  # of the reporters of pending reports
    burst: bool  # many of them in a short time, without a record
    score: int  # the author's reputation, 0 to 100
    warnings: int  # in force
    views: int  # votes on it and reviews beside it, as a stand-in for readers
    is_pending: bool  # whether a text waits that is not public


def reliability(record: ReporterRecord | None) -> float:
    """How far a reporter's next report is to be believed, 0.1 to 0.9; 0.5 until five are decided."""
    if record is None or record.actioned + record.dismissed < DECIDED_ENOUGH:
        return NEUTRAL
    estimate = (record.actioned + 2) / (record.actioned + record.dismissed + 4)
    return min(MOST, max(LEAST, estimate))


def parts_of(known: Circumstances) -> list[Part]:
    """The factors of a case's priority, without its age."""
    return [
        Part("severity", round(known.severity / 3, 3), known.severity_words),
        _reporters(known),
        _author(known),
        _exposure(known),
    ]


def pressure(parts: Sequence[Part], opened_at: datetime) -> float:
    """What cases are ordered by."""
    product = math.prod(part.factor for part in parts)
    return math.log2(max(product, 1e-6)) - (opened_at - EPOCH) / _period()


def priority(stored_pressure: float, *, now: datetime | None = None) -> float:
    """A case's priority at this moment, from its stored pressure."""
    exponent = stored_pressure + ((now or database_now()) - EPOCH) / _period()
    return round(2.0 ** min(exponent, 60), 2)


def told(parts: Sequence[Part]) -> list[dict[str, Any]]:
    return [asdict(part) for part in parts]


def age_part(opened_at: datetime) -> Part:
    """The factor of age at this moment, for showing."""
    waited = max(database_now() - opened_at, timedelta())
    hours = int(waited.total_seconds() // 3600)
    words = f"waiting for {hours} hour{'s' * (hours != 1)}" if hours else "new"
    return Part("age", round(2.0 ** min(waited / _period(), 20), 3), words)


def _period() -> timedelta:
    return timedelta(hours=settings.CASE_DOUBLES_HOURS)


def _reporters(known: Circumstances) -> Part:
    if not known.reliabilities:
        return Part("reporters", 1.0, "nobody has reported it")
    count = len(known.reliabilities)
    heaviest = max(known.reliabilities)
    proven = sum(1 for each in known.reliabilities if each > NEUTRAL)
    factor = round(2 * heaviest * (1 + math.log2(max(proven, 1)) / 4), 3)
    how = "reliable" if heaviest > NEUTRAL else "unproven" if heaviest == NEUTRAL else "unreliable so far"
    words = f"{count} report{'s' * (count > 1)}, the weightiest reporter {how}"
    if known.burst:
        words += "; many at once from accounts without a record, so they weigh as one"
    return Part("reporters", factor, words)


def _author(known: Circumstances) -> Part:
    if known.warnings:
        word = f"the author has {known.warnings} warning{'s' * (known.warnings > 1)} in force"
        return Part("author", 0.5 if known.is_pending else 1.5, word)
    if known.is_pending and known.score >= settings.AUTO_APPROVE_MIN_REPUTATION:
        return Part("author", 1.5, f"a trusted author ({known.score} of 100)")
    return Part("author", 1.0, f"reputation {known.score} of 100")


def _exposure(known: Circumstances) -> Part:
    if known.is_pending:
        return Part("exposure", 1.0, "not public yet")
    factor = round(1 + min(math.log10(1 + known.views), 3) / 3, 3)
    return Part("exposure", factor, f"public; {known.views} votes and neighbouring reviews")
