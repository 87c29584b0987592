"""Text reduced to what it says, whatever disguise it wears. Linear in the length of the text."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import groupby

# Letters that look like Latin ones, as far as they are used to disguise words (after case folding).
LOOK_ALIKES = str.maketrans(
    "аеорсухкмтвнгіїјѕԁԛԝһӏпЬъ" + "αβεικνορτυχηωμςσγ" + "ıłøđßæœ",
    "aeopcyxkmtbhriijsdqwhinbb" + "abeiknoptuxnwmccy" + "ilodbao",
)
# Digits and signs that stand for letters. Letters that share a sign become one, in terms and texts alike.
LEET = str.maketrans("0134578$@l|!", "oieastbsaiii")
SIGNS = re.compile(r"(?<=[^\W_])[!|$@](?=[^\W_])|(?<=[^\W\d_])[$@]+|[$@](?=[^\W\d_])")
WORD = re.compile(r"[^\W_]+")
CHUNK = re.compile(r"\S+")
SPELLED_OUT = 3  # so many single characters in a row are a word in disguise


def plain(text: str) -> str:
    """Compatibility forms, case and accents folded; characters without width dropped."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(character for character in decomposed if unicodedata.category(character) not in {"Mn", "Cf", "Me"})


def words_of(text: str) -> list[str]:
    """The plain words of a text."""
    return WORD.findall(plain(text))


@dataclass(frozen=True)
class Disguised:
    """A text as the deny list reads it: split at every sign, split at spaces only, and what is spelled out.

    "great.Cheap" is two ``words``; "v.i.a.g.r.a" and "via-gra" are one of the ``chunks``;
    in "buy a v i a g r a", ``runs`` has "aviagra", of which a term may be any part.
    """

    words: list[str]
    chunks: list[str]
    runs: list[str]


def disguised(text: str) -> Disguised:
    """The text with look-alikes, digits and signs read as the letters that they stand for."""
    folded = SIGNS.sub(_letters, plain(text).translate(LOOK_ALIKES))
    words = [word.translate(LEET) for word in WORD.findall(folded)]
    chunks = ["".join(WORD.findall(chunk)).translate(LEET) for chunk in CHUNK.findall(folded)]
    runs = ["".join(run) for single, run in groupby(words, lambda word: len(word) == 1) if single]
    return Disguised(words, [chunk for chunk in chunks if chunk], [run for run in runs if len(run) >= SPELLED_OUT])


def _letters(match: re.Match[str]) -> str:
    return match.group().translate(LEET)
