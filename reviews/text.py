"""Text as people give it, made safe to compare and to show."""

import unicodedata

# Characters that reorder what is around them: a text could read differently from what it says.
BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
KEPT_CONTROLS = frozenset("\n\t")


def normalised(text: str) -> str:
    """NFC, with line ends as \\n, without control and bidi override characters, trimmed."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(character for character in text if _stays(character)).strip()


def _stays(character: str) -> bool:
    if character in KEPT_CONTROLS:
        return True
    return character not in BIDI_CONTROLS and unicodedata.category(character) not in {"Cc", "Cs"}
