"""A dashboard's days as charts, each with the same figures as a table beside it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from metrics.figures import STARS, Day, Figures
from metrics.presenting import count, rating
from metrics.queries import Dashboard
from trustengine.admin.presentation import digits_of, money

TREND_DAYS = 7


@dataclass(frozen=True)
class Line:
    """One set of bars, or a line where ``kind`` says so, over the days. ``colour`` is a CSS variable of the page."""

    label: str
    values: Sequence[float | None]
    colour: str
    kind: str = "bar"
    axis: str = "y"


@dataclass(frozen=True)
class Chart:
    """A picture, its meaning in a sentence, and the same figures as a table."""

    id: str
    title: str
    summary: str
    labels: Sequence[str]
    lines: Sequence[Line]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    unit: str = "count"
    currency: str = ""
    stacked: bool = False
    is_empty: bool = False

    @property
    def drawing(self) -> str:
        """What the page's script draws, as JSON."""
        return json.dumps(
            {
                "labels": list(self.labels),
                "lines": [{**vars(line), "values": list(line.values)} for line in self.lines],
                "unit": self.unit,
                "currency": self.currency,
                "digits": digits_of(self.currency),
                "stacked": self.stacked,
            }
        )


def charts(dashboard: Dashboard) -> list[Chart]:
    """Sales, orders, what becomes of the money, and reviews."""
    days, earlier, currency = dashboard.series, dashboard.earlier, dashboard.currency
    labels = [f"{day.day:%d %b}" for day in days]
    dates = [f"{day.day:%a %d %b %Y}" for day in days]

    def values(name: str, rows: Iterable[Day] = days) -> list[Any]:
        return [getattr(day, name) for day in rows]

    def amounts(name: str, rows: Iterable[Day] = days) -> list[str]:
        return [money(cents, currency) for cents in values(name, rows)]

    total = dashboard.totals
    has_sales = any(values("gmv_cents")) or any(values("gmv_cents", earlier))
    return [
        Chart(
            "sales",
            "Sales",
            f"{money(total.gmv_cents, currency)}, and {money(dashboard.previous.gmv_cents, currency)} "
            f"in as many days before.",
            labels,
            [
                Line("Before", values("gmv_cents", earlier), "--db-quiet-line", "line"),
                Line("Sales", values("gmv_cents"), "--db-main"),
            ],
            ["Day", "Sales", "As many days before"],
            list(zip(dates, amounts("gmv_cents"), amounts("gmv_cents", earlier), strict=True)),
            "money",
            currency,
            is_empty=not has_sales,
        ),
        Chart(
            "orders",
            "Orders",
            f"{count(total.orders)} orders of {count(total.units)} pieces; "
            f"{count(total.cancelled_items)} of {count(total.placed_items)} items were cancelled.",
            labels,
            [Line("Orders", values("orders"), "--db-main"), Line("Pieces", values("units"), "--db-warm", "line")],
            ["Day", "Orders", "Pieces", "Items cancelled", "Items refunded"],
            list(
                zip(
                    dates,
                    *(map(count, values(name)) for name in ("orders", "units", "cancelled_items", "refunded_items")),
                    strict=True,
                )
            ),
            is_empty=not any(values("placed_items")),
        ),
        Chart(
            "money",
            "What becomes of it",
            f"{money(total.pending_payout_cents, currency)} to be paid out, "
            f"{money(total.platform_fees_cents, currency)} fees, {money(total.refunds_cents, currency)} refunded.",
            labels,
            [
                Line("Net payout", values("pending_payout_cents"), "--db-main"),
                Line("Fees", values("platform_fees_cents"), "--db-quiet-line"),
                Line("Refunds", values("refunds_cents"), "--db-bad"),
            ],
            ["Day", "Net payout", "Fees", "Refunds"],
            list(
                zip(
                    dates,
                    amounts("pending_payout_cents"),
                    amounts("platform_fees_cents"),
                    amounts("refunds_cents"),
                    strict=True,
                )
            ),
            "money",
            currency,
            stacked=True,
            is_empty=not any(values("gmv_cents")),
        ),
        _reviews(dashboard, labels, dates),
    ]


def _reviews(dashboard: Dashboard, labels: list[str], dates: list[str]) -> Chart:
    days, total = dashboard.series, dashboard.totals
    said = f"{rating(total.average_rating)} on average of " if total.reviews else ""
    return Chart(
        "reviews",
        "Reviews",
        f"{said}{count(total.reviews)} reviews written that count towards ratings.",
        labels,
        [
            Line(f"Average of {TREND_DAYS} days", _trend(dashboard.earlier, days), "--db-ink", "line", "stars"),
            *(Line(f"{star} ★", [day.stars[star - 1] for day in days], f"--db-star-{star}") for star in STARS[::-1]),
        ],
        ["Day", *(f"{star} ★" for star in STARS[::-1]), "Average"],
        [
            (label, *(count(day.stars[star - 1]) for star in STARS[::-1]), rating(day.average_rating))
            for label, day in zip(dates, days, strict=True)
        ],
        stacked=True,
        is_empty=not total.reviews,
    )


def _trend(earlier: Sequence[Day], days: Sequence[Day]) -> list[float | None]:
    """For each day the average of the reviews of a week that ends with it: few days have enough of their own."""
    every = [*earlier, *days]
    averages = []
    for end in range(len(earlier) + 1, len(every) + 1):
        week = Figures()
        for day in every[max(end - TREND_DAYS, 0) : end]:
            week.add(day)
        averages.append(week.average_rating)
    return averages
