"""Which period and currency a page shows. What cannot be used is left out and told, not refused."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, QueryDict

from metrics.periods import DAYS_SHOWN, MOST_DAYS, Period, asked_period, latest
from orders.currencies import CODES
from trustengine.database_time import database_today
from trustengine.errors import InvalidInput


@dataclass(frozen=True)
class Choice:
    """A period, a currency or none, and what else the address says; ``problem`` tells what was left out."""

    period: Period
    currency: str = ""
    others: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    is_default: bool = False

    @classmethod
    def of(cls, request: HttpRequest, *keep: str, most: int = MOST_DAYS) -> "Choice":
        """What a request asks for; the parameters named ``keep`` stay in every link."""
        given = request.GET
        problem, period = "", latest(min(DAYS_SHOWN, most))
        try:
            period = asked_period(given, most=most)
        except InvalidInput as refusal:
            problem = " ".join(error["message"] for error in refusal.extra["errors"])
        currency = given.get("currency", "")
        others = {name: given[name] for name in keep if given.get(name)}
        is_default = bool(problem) or not (given.get("from") or given.get("to"))
        return cls(period, currency if currency in CODES else "", others, problem, is_default)

    def query(self, **changed: Any) -> str:
        """The address' query for this choice with some of it changed; None leaves a parameter out."""
        parts = {"from": str(self.period.first), "to": str(self.period.last), "currency": self.currency}
        query = QueryDict(mutable=True)
        for name, value in (parts | self.others | changed).items():
            if value:
                query[name] = str(value)
        return query.urlencode()

    @property
    def part(self) -> str:
        """The query of the figures alone. Without days where none were chosen: a page left open overnight moves on."""
        return self.query(part=1, **({"from": None, "to": None} if self.is_default else {}))

    @property
    def presets(self) -> list[tuple[str, str, bool]]:
        """Periods to choose with one click: title, query, and whether it is this one."""
        today = database_today()
        month = today.replace(day=1)
        before = month - timedelta(days=1)
        periods = [
            *((f"{days} days", latest(days)) for days in (7, 30, 90)),
            ("This month", Period(month, today)),
            ("Last month", Period(date(before.year, before.month, 1), before)),
        ]
        return [
            (title, self.query(**{"from": period.first, "to": period.last}), period == self.period)
            for title, period in periods
        ]
