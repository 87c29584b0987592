"""Texts that are no language: keys struck at random, one word or one letter again and again."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from reviews.folding import plain
from reviews.screening.catalogue import found
from reviews.screening.signals import Candidate, Signal

LEAST_LETTERS = 12
# Seven consonants in a row (y and w taken for vowels, sch and ch for one) are in hardly a word of the
# languages in Latin script, and a share of the text is asked for. Laughter (kkkkkkk, hahaha) is honest.
DIGRAPHS = re.compile(r"s?ch")
UNPRONOUNCEABLE = re.compile(r"[bcdfghjklmnpqrstvxz]{7,}")
LAUGHTER = re.compile(r"[kjhrs]{3,}")
UNPRONOUNCEABLE_SHARE = 0.3
WORD = re.compile(r"[^\W\d_]+")
LONG_RUN = re.compile(r"([^\W\d_])\1{9,}")
LEAST_ENTROPY = 2.0  # bits per letter; languages have about four
REPEATED_WORDS, REPEATED_SHARE = 8, 0.25


def check(candidate: Candidate) -> Iterator[Signal]:
    """Signal ``gibberish``, by unpronounceable words, entropy of letters (Shannon), or words repeated."""
    text = plain(candidate.text)
    words = WORD.findall(text)
    letters = "".join(words)
    if len(letters) < LEAST_LETTERS:
        return
    if _is_unpronounceable(words, len(letters)) or _says_one_thing(words, letters):
        yield found("gibberish", "The text seems to be no language, or the same again and again.")


def _is_unpronounceable(words: list[str], letters: int) -> bool:
    odd = (word for word in words if UNPRONOUNCEABLE.search(DIGRAPHS.sub("s", word)) and len(set(word)) > 3)
    return sum(len(word) for word in odd if not LAUGHTER.fullmatch(word)) >= UNPRONOUNCEABLE_SHARE * letters


def _says_one_thing(words: list[str], letters: str) -> bool:
    if len(letters) >= 20 and entropy(letters) < LEAST_ENTROPY:
        return True
    if len(words) >= REPEATED_WORDS and len(set(words)) <= REPEATED_SHARE * len(words):
        return True
    runs = sum(len(match.group()) for match in LONG_RUN.finditer(letters) if match[1] not in "kh")
    return runs >= 0.6 * len(letters)


def entropy(letters: str) -> float:
    """Shannon's entropy of the letters' frequencies, in bits per letter."""
    counts = Counter(letters)
    return -sum(count / len(letters) * math.log2(count / len(letters)) for count in counts.values())
