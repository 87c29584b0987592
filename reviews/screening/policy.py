"""From signals to a verdict. One rule for first texts and for edits."""

from collections.abc import Sequence

from django.conf import settings

from reviews.models import Screening
from reviews.reputation import Standing
from reviews.screening.signals import Signal

VERSION = 1


def decide(signals: Sequence[Signal], standing: Standing) -> Screening.Verdict:
    """Approve only where nothing was found and the author has earned it; else a moderator decides."""
    trusted = (
        standing.score >= settings.AUTO_APPROVE_MIN_REPUTATION
        and standing.consecutive_approved >= settings.AUTO_APPROVE_MIN_CONSECUTIVE
    )
    return Screening.Verdict.APPROVE if trusted and not signals else Screening.Verdict.QUEUE
