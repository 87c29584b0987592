"""Cells that spreadsheet programs show and do not calculate."""

# A cell that begins with one of these is a formula to some spreadsheet program (OWASP, “CSV injection”).
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Some programs drop these before they look at a cell.
DROPPED_BEFORE = " \xa0\u200b\ufeff"


def harmless(text: str) -> str:
    """A text that no spreadsheet program takes for a formula: where it begins like one, after an apostrophe."""
    return f"'{text}" if text.lstrip(DROPPED_BEFORE).startswith(STARTS_A_FORMULA) else text
