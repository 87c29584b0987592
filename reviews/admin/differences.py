"""What an edit changed, word by word."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WORD = re.compile(r"\S+\s*|\s+")
KEPT_AT_LEAST = 3  # fewer words in a row between two changes are read as part of the change

Change = tuple[list[str], list[str]]


def difference(before: str, after: str) -> SafeString:
    """The new text with what is gone struck out and what is new marked. Both are escaped."""
    return format_html_join("", "{}", ((_marked(old, new),) for old, new in changes(before, after)))


def changes(before: str, after: str) -> list[Change]:
    """Runs of words, old and new, that follow each other: equal ones are alike in both.

    SequenceMatcher's rule for popular words stays on: without it, a long text of one
    repeated word takes quadratic time.
    """
    runs: list[Change] = []
    for old, new in _runs(WORD.findall(before), WORD.findall(after)):
        if runs and runs[-1][0] != runs[-1][1] and old != new:
            runs[-1] = (runs[-1][0] + old, runs[-1][1] + new)
        else:
            runs.append((old, new))
    return runs


def _runs(old: list[str], new: list[str]) -> Iterator[Change]:
    steps = SequenceMatcher(None, old, new).get_opcodes()
    for position, (name, old_from, old_to, new_from, new_to) in enumerate(steps):
        words, others = old[old_from:old_to], new[new_from:new_to]
        between = 0 < position < len(steps) - 1
        if name == "equal" and between and len(words) < KEPT_AT_LEAST:
            yield from ((words, []), ([], others))  # as changes, to be joined with their neighbours
        else:
            yield words, others


def _marked(old: list[str], new: list[str]) -> SafeString:
    removed, added = "".join(old), "".join(new)
    if removed == added:
        return format_html("{}", added)
    gone = format_html("<del>{}</del>", removed) if removed else ""
    come = format_html("<ins>{}</ins>", added) if added else ""
    return format_html("{}{}", gone, come)
