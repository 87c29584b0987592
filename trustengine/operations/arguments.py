"""Arguments that several commands take. Each raises ArgumentTypeError, which ends a command with exit code 2."""

import argparse
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

MOST_ROWS = 20_000


def batch_size(text: str) -> int:
    """A whole number of rows per transaction, from 1 up."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_ROWS:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST_ROWS}")
    return int(text)


def day_or_moment(text: str) -> datetime:
    """An ISO 8601 date, which means the marketplace's midnight, or a time."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-01-31") from None
    if given.tzinfo is None:
        given = given.replace(tzinfo=ZoneInfo(settings.MARKETPLACE_TIME_ZONE))
    return given


def day(text: str) -> date:
    """An ISO 8601 date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-01-31") from None


def identifier(text: str) -> UUID:
    """The id of a row."""
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an id") from None
