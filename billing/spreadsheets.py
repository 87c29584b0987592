"""Files for finance people: comma-separated, in UTF-8, the same bytes for the same rows, and safe to open."""

import csv
import io
from collections.abc import Iterable, Sequence

from trustengine.admin.presentation import digits_of
from trustengine.spreadsheets import harmless


def amount(cents: int, currency: str) -> str:
    """An amount in major units, such as -12.50, made from the integer: 0 decimals for JPY, 3 for KWD."""
    digits = digits_of(currency)
    sign, plain = "-" if cents < 0 else "", str(abs(cents)).rjust(digits + 1, "0")
    return f"{sign}{plain[:-digits]}.{plain[-digits:]}" if digits else f"{sign}{plain}"


def words(text: str) -> str:
    """Text that people wrote, as a cell that no spreadsheet program takes for a formula."""
    line = " ".join(text.split()) if text.isprintable() else " ".join("".join(_visible(text)).split())
    return harmless(line)


def comma_separated(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """RFC 4180: CRLF at the end of lines, quotes where needed. Cells are as ``words`` and ``amount`` give them."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue()


def _visible(text: str) -> Iterable[str]:
    return (letter if letter.isprintable() else " " for letter in text)
