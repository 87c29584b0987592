"""Names as other people see them."""

import unicodedata

MAX_LENGTH = 120
UNSEEN = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}  # control characters, half characters, unassigned ones, line ends
BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def presentable(name: object) -> str:
    """A display name of one line and at most 120 characters; empty for what is no text.

    Dropped is what cannot be seen, and what turns the direction of the text around it;
    a name of nothing but joiners and spaces is none.
    """
    if not isinstance(name, str):
        return ""
    seen = (character for character in name[:2_000] if not is_unseen(character))
    line = " ".join("".join(seen).split())[:MAX_LENGTH].rstrip()
    return line if any(unicodedata.category(character)[0] in "LNPS" for character in line) else ""


def is_unseen(character: str) -> bool:
    return character in BIDI or (unicodedata.category(character) in UNSEEN and not character.isspace())
