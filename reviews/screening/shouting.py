"""Texts that are one long shout."""

import re
from collections.abc import Iterator

from reviews.screening.catalogue import found
from reviews.screening.signals import Candidate, Signal

LEAST_LETTERS = 20  # a title such as "GREAT" is nobody's shout
SHARE = 0.8
MARKS = 4  # exclamation marks that go with capitals; many honest buyers simply have caps lock on
RUN_OF_MARKS = re.compile(r"[!?]{8}")


def check(candidate: Candidate) -> Iterator[Signal]:
    """Signal ``shouting``: capitals throughout with exclamation marks, or a row of eight marks.

    Scripts without case cannot shout in capitals.
    """
    text = candidate.text
    upper = sum(character.isupper() for character in text)
    lower = sum(character.islower() for character in text)
    in_capitals = upper + lower >= LEAST_LETTERS and upper >= SHARE * (upper + lower)
    if (in_capitals and text.count("!") >= MARKS) or RUN_OF_MARKS.search(text):
        yield found("shouting", "The text shouts: capitals throughout, or rows of exclamation marks.")
