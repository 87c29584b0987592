"""What an edit changed, word by word."""

import re
from difflib import SequenceMatcher

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WORD = re.compile(r"\S+|\s+")


def difference(before: str, after: str) -> SafeString:
    """The new text with what is gone struck out and what is new marked. Both are escaped.

    Words are compared, each with the white space after it. SequenceMatcher's rule for
    popular words stays on: without it a text of one repeated word takes quadratic time.
    """
    old, new = WORD.findall(before), WORD.findall(after)
    pieces = []
    for operation, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new).get_opcodes():
        removed, added = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        if operation == "equal":
            pieces.append(format_html("{}", added))
            continue
        if removed:
            pieces.append(format_html("<del>{}</del>", removed))
        if added:
            pieces.append(format_html("<ins>{}</ins>", added))
    return format_html_join("", "{}", ((piece,) for piece in pieces))
