"""Periods of calendar days, and what is asked for by ``from`` and ``to``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from trustengine.database_time import database_today
from trustengine.errors import InvalidInput

DAYS_SHOWN = 30
MOST_DAYS = 1_096  # three years, one of them a leap year
PATTERN = r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
DAY = re.compile(PATTERN[:-1], re.ASCII)


@dataclass(frozen=True)
class Period:
    """The days from ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def length(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range(self.length)]

    @property
    def before(self) -> "Period":
        """The same number of days, just before."""
        return Period(self.first - timedelta(days=self.length), self.first - timedelta(days=1))

    @property
    def is_partial(self) -> bool:
        """Whether the present day, which is not over, is one of them."""
        return self.first <= database_today() <= self.last


def latest(days: int = DAYS_SHOWN) -> Period:
    """So many days up to today, where the marketplace is."""
    today = database_today()
    return Period(today - timedelta(days=days - 1), today)


def asked_period(given: Mapping[str, str], *, most: int = MOST_DAYS) -> Period:
    """The period that ``from`` and ``to`` name. Without ``to`` it ends today, without ``from`` it has 30 days.

    Raises InvalidInput for what is no day of this century, for an end before the
    beginning, and for more than ``most`` days.
    """
    first, last = _day(given, "from"), _day(given, "to")
    last = last or database_today()
    first = first or last - timedelta(days=DAYS_SHOWN - 1)
    if first > last:
        raise InvalidInput(fields={"from": "The first day comes after the last."})
    period = Period(first, last)
    if period.length > most:
        raise InvalidInput(fields={"from": f"At most {most} days."})
    return period


def _day(given: Mapping[str, str], name: str) -> date | None:
    text = given.get(name)
    if not text:
        return None
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:  # 31 April
        pass
    raise InvalidInput(fields={name: "A day, such as 2026-05-17."})
