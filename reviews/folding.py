"""Text reduced to what it says, whatever disguise it wears. Linear in the length of the text."""

import re
import unicodedata

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
SPELLED_OUT = 3  # so many single characters in a row are one word


def plain(text: str) -> str:
    """Compatibility forms, case and accents folded; characters without width dropped."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(character for character in decomposed if unicodedata.category(character) not in {"Mn", "Cf", "Me"})


def words_of(text: str) -> list[str]:
    """The plain words of a text."""
    return WORD.findall(plain(text))


def disguised_words(text: str) -> tuple[list[str], list[str]]:
    """The words of a text as the deny list reads them, twice: between signs, and between spaces.

    "v.i.a.g.r.a" and "via-gra" are one word of the second kind, "v i a g r a" of the
    first; "great.Cheap" is two of the first. A word that is part of another is none.
    """
    folded = SIGNS.sub(_letters, plain(text).translate(LOOK_ALIKES))
    words = [word.translate(LEET) for word in WORD.findall(folded)]
    chunks = ["".join(WORD.findall(chunk)).translate(LEET) for chunk in CHUNK.findall(folded)]
    return _joined(words), [chunk for chunk in chunks if chunk]


def _letters(match: re.Match[str]) -> str:
    return match.group().translate(LEET)


def _joined(words: list[str]) -> list[str]:
    """With words that are spelled out letter by letter put together."""
    joined: list[str] = []
    single: list[str] = []
    for word in [*words, ""]:
        if len(word) == 1:
            single.append(word)
            continue
        joined += ["".join(single)] if len(single) >= SPELLED_OUT else single
        single = []
        if word:
            joined.append(word)
    return joined
