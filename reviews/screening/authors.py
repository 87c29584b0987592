"""Is the author who they were? Fresh accounts, accounts that changed hands, and unusual stars.

Stars are read here alone, as a distance from the author's own habit, the same upwards as
downwards; the policy lets them count only beside a hint of a takeover.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, pstdev
from typing import Any

from django.conf import settings

from reviews.folding import plain
from reviews.models import ReviewRevision
from reviews.screening import edits
from reviews.screening.catalogue import found
from reviews.screening.signals import Signal, Submission
from trustengine.accounts.models import User

LOOKED_BACK = 20  # revisions
LEAST_RATINGS, LEAST_DISTANCE, DEVIATIONS = 5, 2.0, 2.5
LEAST_TEXT, LEAST_PAST = 80, 300  # letters from which two styles can be compared
LEAST_LIKENESS = 0.2  # cosine of letter pairs; two texts in one language have 0.4 and more


@dataclass(frozen=True)
class Earlier:
    """Something that the author wrote before."""

    text: str
    rating: int
    written_at: datetime
    agent_hash: str


def fresh_account(submission: Submission) -> Iterator[Signal]:
    """Signal ``fresh_account``: written within ``FRESH_ACCOUNT_HOURS`` of the account's first appearance."""
    joined = User.objects.filter(pk=submission.author_id).values_list("date_joined", flat=True).first()
    hours = settings.FRESH_ACCOUNT_HOURS
    if joined is not None and submission.written_at - joined < timedelta(hours=hours):
        yield found("fresh_account", f"The account was less than {hours} hours old when this was written.")


def continuity(submission: Submission) -> Iterator[Signal]:
    """Signals ``takeover`` and ``unusual_rating``, from the latest 20 texts that the author has given before.

    A takeover is a silence of ``TAKEOVER_SILENCE_DAYS`` followed by a large edit, or by
    two of: another style, another device, unusual stars.
    """
    earlier = _earlier(submission)
    if not earlier:
        return
    unusual = is_unusual(submission.rating, [each.rating for each in earlier])
    if unusual:
        yield found("unusual_rating", "The stars are far from those that the author has given so far.")
    silence = submission.written_at - max(each.written_at for each in earlier)
    if silence < timedelta(days=settings.TAKEOVER_SILENCE_DAYS):
        return
    hints = {
        "another style": _another_style(submission.candidate.text, [each.text for each in earlier]),
        "another device": _another_device(submission.agent_hash, [each.agent_hash for each in earlier]),
        "unusual stars": unusual,
    }
    shown = [name for name, is_there in hints.items() if is_there]
    replaced = bool(list(edits.check(submission.candidate)))
    if replaced or len(shown) >= 2:
        what = ", ".join(["most of an approved text replaced"] * replaced + shown)
        yield found("takeover", f"After {silence.days} days of silence: {what}.", days=silence.days)


def is_unusual(rating: int, habit: Sequence[int]) -> bool:
    """Whether stars are two and 2.5 standard deviations away from the mean of at least five, to either side."""
    if len(habit) < LEAST_RATINGS:
        return False
    return abs(rating - fmean(habit)) >= max(LEAST_DISTANCE, DEVIATIONS * pstdev(habit))


def likeness(one: str, other: str) -> float:
    """Cosine of the frequencies of letter pairs within words, 0 to 1: low between languages and scripts."""
    mine, theirs = _pairs(one), _pairs(other)
    product = sum(number * theirs[pair] for pair, number in mine.items())
    length = math.sqrt(sum(n * n for n in mine.values()) * sum(n * n for n in theirs.values()))
    return product / length if length else 0.0


def _another_style(text: str, earlier: Sequence[str]) -> bool:
    past = "\n".join(earlier)
    return len(text) >= LEAST_TEXT and len(past) >= LEAST_PAST and likeness(text, past) < LEAST_LIKENESS


def _another_device(agent: str, earlier: Sequence[str]) -> bool:
    known = {each for each in earlier if each}
    return bool(agent and known) and agent not in known


def _pairs(text: str) -> Counter[str]:
    letters = plain(text)
    pairs = (letters[at : at + 2] for at in range(len(letters) - 1))
    return Counter(pair for pair in pairs if pair.isalpha())


def _earlier(submission: Submission) -> list[Earlier]:
    before: Any = ReviewRevision.objects.filter(
        review__author=submission.author_id, created_at__lt=submission.written_at
    ).order_by("-created_at")
    rows = before.values_list("title", "comment", "rating", "created_at", "agent_hash")[:LOOKED_BACK]
    return [Earlier(f"{title}\n{comment}", rating, moment, agent) for title, comment, rating, moment, agent in rows]
