"""From a ``birthdate`` claim to the day on which somebody is old enough."""

import re
from datetime import date
from typing import Any

FULL = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
YEAR = re.compile(r"(\d{4})", re.ASCII)


def of_age_on(claim: Any, *, minimum_age: int) -> date | None:
    """The birthday of that age, or None where the claim does not tell.

    OpenID Connect allows ``YYYY-MM-DD`` and ``YYYY``; the year 0000 means that it is
    withheld. Of a bare year the last day counts. Who was born on 29 February is of age
    on 1 March where the year has no such day.
    """
    if not isinstance(claim, str):
        return None
    try:
        if match := FULL.fullmatch(claim):
            born = date(*map(int, match.groups()))
        elif match := YEAR.fullmatch(claim):
            born = date(int(match[1]), 12, 31)
        else:
            return None
        return _birthday(born, born.year + minimum_age)
    except ValueError:
        return None


def _birthday(born: date, year: int) -> date:
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)
