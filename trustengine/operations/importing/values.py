"""What a cell may say. Each parser takes the cell's text and returns its value, or raises ValueError."""

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from trustengine.text import is_storable, normalised

Parser = Callable[[str], Any]

HEX = "[0-9a-f]"
UUID_SPELLINGS = re.compile(
    rf"(?:urn:uuid:)?(\{{)?({HEX}{{8}})(-?)({HEX}{{4}})\3({HEX}{{4}})\3({HEX}{{4}})\3({HEX}{{12}})(?(1)\}})",
    re.IGNORECASE,
)
WHOLE_NUMBER = re.compile(r"[0-9]{1,19}")
CURRENCY = re.compile(r"[A-Za-z]{3}")
YES = {"true", "t", "yes", "y", "on", "1"}
NO = {"false", "f", "no", "n", "off", "0"}
# With hyphens and colons; or with neither, where a T stands between: digits alone may be seconds since 1970.
OFFSET = r"(?:[Zz]|[+-][0-9]{2}(?::?[0-5][0-9])?)?"
EXTENDED_TIME = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[Tt ][0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:[.,][0-9]{{1,9}})?)?{OFFSET})?"
)
BASIC_TIME = re.compile(rf"[0-9]{{8}}T[0-9]{{4}}(?:[0-9]{{2}}(?:[.,][0-9]{{1,9}})?)?{OFFSET}")

# A price times a quantity must fit into PostgreSQL's bigint, also where many are summed up.
MOST_CENTS = 10**12
MOST_PIECES = 10**6
MOST_STOCK = 2**31 - 1
FIRST_YEAR, LAST_YEAR = 1900, 2199  # what lies beyond is a mistake: a counter read as a date, or a program's "never"
FURTHEST_OFFSET = timedelta(hours=14)


def identifier(cell: str) -> UUID:
    """A UUID in any usual spelling: hyphens or none, upper or lower case, in braces, as a URN."""
    spelling = UUID_SPELLINGS.fullmatch(cell.strip())
    if spelling is None:
        raise ValueError("not a UUID")
    return UUID(hex="".join(spelling.group(2, 4, 5, 6, 7)))


def moment(cell: str) -> datetime:
    """An ISO 8601 time in UTC. Without a zone it is the marketplace's wall clock, without a time its midnight.

    Taken are ``2026-05-17``, ``2026-05-17T10:30[:15[.123]][Z|+02:00|+0200|+02]``, with a space for the T, and the same
    without hyphens and colons, ``20260517T103015Z``. No week dates, ordinal dates or counters.
    A wall-clock time that a change of clocks skips or repeats is read with the offset
    before the change: what a clock said is not for the import to refuse.
    """
    spelling = cell.strip()
    if not (EXTENDED_TIME.fullmatch(spelling) or BASIC_TIME.fullmatch(spelling)):
        raise ValueError("not a time in a documented form")
    given = datetime.fromisoformat(spelling.upper().replace(" ", "T"))
    if not FIRST_YEAR <= given.year <= LAST_YEAR or abs(given.utcoffset() or timedelta()) > FURTHEST_OFFSET:
        raise ValueError("outside of the calendar")
    if given.tzinfo is None:
        given = given.replace(tzinfo=ZoneInfo(settings.MARKETPLACE_TIME_ZONE))
    return given.astimezone(UTC)


def whole(least: int, most: int) -> Parser:
    """ASCII digits of a number in this range, both ends included: neither a sign, a point, an exponent nor grouping.

    "1.000" is a thousand to some people and one to others, so nothing is guessed.
    """

    def parse(cell: str) -> int:
        digits = cell.strip()
        if not WHOLE_NUMBER.fullmatch(digits) or not least <= int(digits) <= most:
            raise ValueError(f"not a whole number from {least} to {most}")
        return int(digits)

    return parse


def currency(cell: str) -> str:
    """A currency's three letters, in capitals."""
    letters = cell.strip()
    if not CURRENCY.fullmatch(letters):
        raise ValueError("not a currency")
    return letters.upper()


def boolean(cell: str) -> bool:
    word = cell.strip().lower()
    if word in YES:
        return True
    if word in NO:
        return False
    raise ValueError("neither yes nor no")


def word(choices: Collection[str]) -> Parser:
    """One of these words."""
    known = frozenset(map(str, choices))

    def parse(cell: str) -> str:
        if cell.strip() not in known:
            raise ValueError("unknown word")
        return cell.strip()

    return parse


def text(most: int) -> Parser:
    """Text of at most so many characters, in the form in which every door stores it; "" if nothing of it is visible.

    Refused with a NUL, or with bytes that are not UTF-8, which have become lone surrogates.
    """

    def parse(cell: str) -> str:
        if not is_storable(cell):
            raise ValueError("not UTF-8, or with a NUL")
        normal = normalised(cell)
        if len(normal) > most:
            raise ValueError("too long")
        return normal

    return parse


def email(cell: str) -> str:
    address = text(254)(cell).strip()
    try:
        validate_email(address)
    except ValidationError as error:
        raise ValueError("not an address") from error
    return address
