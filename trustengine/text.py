"""The one form in which people's text is stored, compared and searched for.

Every door uses it: ``trustengine.api.fields``, ``trustengine.forms``, the columns of the importer, and last the
columns of the models (``trustengine.database.fields``), which normalise what is stored and what is looked for.
"""

import re
import unicodedata

LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")

# Text could read differently from what it says: marks and overrides of direction.
BIDI_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# C0 and C1 controls other than \n and \t, and halves of surrogate pairs.
CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
# Byte order marks, soft hyphens, word joiners, invisible operators, deprecated format characters and annotations.
# They say nothing, and keep a text from being found or compared.
STRAY = "\ufeff\u00ad\u180e\u2060-\u2065\u206a-\u206f\ufff0-\ufffb\U000e0000-\U000e001f\U000e0080-\U000e00ff"
# Thai, Lao, Myanmar, Khmer, Tai and their neighbours write no spaces: a zero-width space says where a line may break.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf"
DROPPED = re.compile(
    f"[{BIDI_CONTROLS}{CONTROLS}{STRAY}]"
    f"|(?<![{UNSPACED}])\u200b|\u200b(?![{UNSPACED}])"
    # Tags belong to the flags of regions, which begin with a black flag.
    "|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]+"
)
# Joiners stand within emoji and within words of Persian and Indic scripts. After a space or another one they are stray.
STRAY_JOINER = re.compile(r"(?:^|(?<=[\s\u200c\u200d]))[\u200c\u200d]")

# Letters and signs without a glyph. What else shows nothing is told by its category.
BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc\U00013441\U00013442\U0001d159")
VISIBLE = frozenset("LNPS")


def normalised(text: str) -> str:
    """NFC with line ends as \\n, trimmed, without control, bidi and stray zero-width characters.

    Empty for a text in which nothing can be seen. Idempotent. Zero-width joiners stay where emoji and scripts need
    them. NUL and lone surrogates are dropped; doors that should refuse them ask ``is_storable`` first.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    text = DROPPED.sub("", LINE_ENDS.sub("\n", text))
    text = unicodedata.normalize("NFC", STRAY_JOINER.sub("", text)).strip()
    return text if is_visible(text) else ""


def is_visible(text: str) -> bool:
    """Whether a text shows anything: a letter, digit or sign with a glyph of its own."""
    return any(_has_glyph(character) for character in text)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL takes a text: without NUL and without halves of surrogate pairs."""
    if "\x00" in text:
        return False
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_glyph(character: str) -> bool:
    if character in BLANKS:
        return False
    category = unicodedata.category(character)
    if category == "Cn":  # newer than this Python, such as an emoji, unless it is a non-character
        code = ord(character)
        return not (0xE0000 <= code <= 0xE0FFF or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE)
    return category[0] in VISIBLE
