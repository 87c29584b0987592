"""Copied text: across products, and across authors."""

from collections.abc import Iterator

from reviews.fingerprints import Copy, bands_of, find_copies
from reviews.screening.catalogue import found
from reviews.screening.signals import Signal, Submission

NAMED = 5


def check(submission: Submission) -> Iterator[Signal]:
    """Signals ``copied_text`` (another author's) and ``repeated_text`` (one's own, about another product)."""
    text = submission.candidate.text
    copies = find_copies(text, bands_of(text), review_id=submission.review_id)
    others = [copy for copy in copies if copy.author_id != submission.author_id]
    own = [copy for copy in copies if copy.author_id == submission.author_id]
    if others:
        alike = others[0].similarity
        sentence = f"The text is nearly that of {_reviews(others)} by other authors ({alike} % alike)."
        yield found("copied_text", sentence, **_where(others))
    if own:
        sentence = f"The author has written nearly the same about {_reviews(own, 'product')} before."
        yield found("repeated_text", sentence, **_where(own))


def _reviews(copies: list[Copy], noun: str = "review") -> str:
    return f"another {noun}" if len(copies) == 1 else f"{len(copies)} other {noun}s"


def _where(copies: list[Copy]) -> dict[str, object]:
    return {"reviews": [str(copy.review_id) for copy in copies[:NAMED]], "similarity": copies[0].similarity}
