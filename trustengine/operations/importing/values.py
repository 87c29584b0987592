"""What a cell may say. Each parser takes the cell's text and returns its value, or raises ValueError."""

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

Parser = Callable[[str], Any]

HEX = "[0-9a-f]"
UUID_SPELLINGS = re.compile(
    rf"(?:urn:uuid:)?(\{{)?({HEX}{{8}})(-?)({HEX}{{4}})\3({HEX}{{4}})\3({HEX}{{4}})\3({HEX}{{12}})(?(1)\}})",
    re.IGNORECASE,
)
WHOLE_NUMBER = re.compile(r"[0-9]{1,19}")
CURRENCY = re.compile(r"[A-Za-z]{3}")
YES = {"true", "1", "yes"}
NO = {"false", "0", "no"}

# A price times a quantity must fit into PostgreSQL's bigint, also where many are summed up.
MOST_CENTS = 10**12
MOST_PIECES = 10**6
MOST_STOCK = 2**31 - 1
FIRST_YEAR, LAST_YEAR = 2, 9998  # beyond these a change of zone leaves the calendar


def identifier(cell: str) -> UUID:
    """A UUID in any usual spelling: hyphens or none, upper or lower case, in braces, as a URN."""
    spelling = UUID_SPELLINGS.fullmatch(cell.strip())
    if spelling is None:
        raise ValueError("not a UUID")
    return UUID(hex="".join(spelling.group(2, 4, 5, 6, 7)))


def moment(cell: str) -> datetime:
    """An ISO 8601 time in UTC. Without a zone it is the marketplace's wall clock.

    A wall-clock time that a change of clocks skips or repeats is read with the offset
    before the change: what a clock said is not for the import to refuse.
    """
    given = datetime.fromisoformat(cell.strip())
    if not FIRST_YEAR <= given.year <= LAST_YEAR:
        raise ValueError("outside of the calendar")
    if given.tzinfo is None:
        given = given.replace(tzinfo=ZoneInfo(settings.MARKETPLACE_TIME_ZONE))
    return given.astimezone(UTC)


def whole(least: int, most: int) -> Parser:
    """Decimal digits of a number in this range, both ends included."""

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
    """Text of at most so many characters, as it is given. PostgreSQL stores no NUL."""

    def parse(cell: str) -> str:
        if len(cell) > most or "\x00" in cell:
            raise ValueError("too long, or with a NUL")
        if not cell.isascii():
            cell.encode()  # bytes that are not UTF-8 have become lone surrogates, which have no encoding
        return cell

    return parse


def email(cell: str) -> str:
    address = text(254)(cell).strip()
    try:
        validate_email(address)
    except ValidationError as error:
        raise ValueError("not an address") from error
    return address
