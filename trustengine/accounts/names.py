"""Names as other people see them."""

import re
import unicodedata

from trustengine.text import BIDI_CONTROLS, is_visible, normalised

MAX_LENGTH = 120
UNSEEN = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}  # control characters, half characters, unassigned ones, line ends
BIDI = re.compile(f"[{BIDI_CONTROLS}]")


def presentable(name: object) -> str:
    """A display name of one line and at most 120 characters; empty for what is no text, or shows nothing.

    Dropped is what cannot be seen, and what turns the direction of the text around it.
    """
    if not isinstance(name, str):
        return ""
    seen = (character for character in normalised(name[:2_000]) if not is_unseen(character))
    line = " ".join("".join(seen).split())[:MAX_LENGTH].rstrip()
    return line if is_visible(line) else ""


def is_unseen(character: str) -> bool:
    unseen = BIDI.match(character) or unicodedata.category(character) in UNSEEN
    return bool(unseen) and not character.isspace()
