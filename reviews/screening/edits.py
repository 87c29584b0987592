"""Edits that turn an approved review into another one."""

import re
from collections.abc import Iterator

from reviews.screening.catalogue import found
from reviews.screening.signals import Candidate, Signal

WORD = re.compile(r"\w+")
KEPT_AT_LEAST = 0.5


def check(candidate: Candidate) -> Iterator[Signal]:
    """Signal ``large_edit`` when less than half of the words of both texts together are shared (Jaccard index)."""
    if candidate.published is None:
        return
    before, after = _words(candidate.published), _words(candidate.text)
    both = before | after
    if both and len(before & after) / len(both) < KEPT_AT_LEAST:
        yield found("large_edit", "The edit replaces most of the approved text.")


def _words(text: str) -> set[str]:
    return {word.casefold() for word in WORD.findall(text)}
