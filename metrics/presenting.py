"""A dashboard as a page shows it: cards, charts with the figures behind them, lists. Words and formats only."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from metrics.figures import STARS, Day, Figures
from metrics.queries import Dashboard, Top
from trustengine.admin.presentation import WITHOUT_MINOR_UNIT, money

UP_IS_GOOD, DOWN_IS_GOOD, NEITHER = 1, -1, 0
DAY_SECONDS = 86_400
TREND_DAYS = 7


@dataclass(frozen=True)
class Change:
    """A number against that of the period before, in words. ``tone`` is good, bad or nothing."""

    text: str
    tone: str = ""


UNCHANGED = Change("unchanged")


@dataclass(frozen=True)
class Card:
    """One number of the period."""

    title: str
    value: str
    change: Change
    before: str
    meaning: str


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
    is_empty: bool = field(default=False)

    @property
    def drawing(self) -> str:
        """What the page's script draws, as JSON."""
        return json.dumps(
            {
                "labels": list(self.labels),
                "lines": [{**vars(line), "values": list(line.values)} for line in self.lines],
                "unit": self.unit,
                "currency": self.currency,
                "digits": digits(self.currency),
                "stacked": self.stacked,
            }
        )


def digits(currency: str) -> int:
    """How many decimals the currency's amounts have."""
    return 0 if currency in WITHOUT_MINOR_UNIT else 2


def cards(dashboard: Dashboard) -> list[Card]:
    """The totals, each against the period before."""
    now, before, currency = dashboard.totals, dashboard.previous, dashboard.currency

    def amount(cents: int | None) -> str:
        return money(cents, currency)

    def card(
        title: str,
        name: str,
        shown: Callable[[Any], str],
        direction: int,
        meaning: str,
        compared: Callable[[Any, Any, int], Change] | None = None,
    ) -> Card:
        value, was = getattr(now, name), getattr(before, name)
        change = (compared or relative)(value, was, direction)
        return Card(title, shown(value), change, shown(was), meaning)

    return [
        card("Sales", "gmv_cents", amount, UP_IS_GOOD, "Quantity by price of what was ordered and not cancelled."),
        card("Orders", "orders", count, UP_IS_GOOD, "Orders that were not cancelled or refunded as a whole."),
        card("Average order", "average_order_value_cents", amount, UP_IS_GOOD, "Sales by order."),
        card("Refunds", "refunds_cents", amount, DOWN_IS_GOOD, "What was given back on these orders."),
        card("Fees", "platform_fees_cents", amount, NEITHER, "The marketplace's part of what was not refunded."),
        card("Net payout", "pending_payout_cents", amount, UP_IS_GOOD, "Sales less refunds and fees."),
        card("Rating", "average_rating", rating, UP_IS_GOOD, "The mean of the stars of reviews written.", by_stars),
        card("Cancelled", "cancellation_rate", percent, DOWN_IS_GOOD, "Of all items ordered.", by_points),
        card("Refunded", "refund_rate", percent, DOWN_IS_GOOD, "Of the items not cancelled, in full.", by_points),
        card("Delivery", "average_delivery_seconds", delivery, DOWN_IS_GOOD, "From order to arrival, on average."),
    ]


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


def histogram(total: Figures) -> list[dict[str, Any]]:
    """Reviews by their stars, best first, as shares of all."""
    return [
        {
            "star": star,
            "count": total.stars[star - 1],
            "percent": round(100 * total.stars[star - 1] / total.reviews) if total.reviews else 0,
        }
        for star in STARS[::-1]
    ]


def ranking(tops: Sequence[Top] | None, currency: str, address: Callable[[Top], str]) -> list[dict[str, Any]]:
    """Lines of a list of what sold most, each with its length against the first."""
    most = tops[0].gmv_cents if tops else 0
    return [
        {
            "title": top.title,
            "url": address(top),
            "orders": top.orders,
            "units": top.units,
            "amount": money(top.gmv_cents, currency),
            "percent": round(100 * top.gmv_cents / most) if most else 0,
        }
        for top in tops or ()
    ]


def count(number: int) -> str:
    return f"{number:,}"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def rating(average: float | None) -> str:
    return "–" if average is None else f"{average:.2f} ★"


def delivery(seconds: int | None) -> str:
    """A time of delivery, in days or, below two, in hours."""
    if seconds is None:
        return "–"
    return f"{seconds / DAY_SECONDS:.1f} days" if seconds >= 2 * DAY_SECONDS else f"{seconds / 3_600:.0f} hours"


def relative(value: int | None, was: int | None, direction: int) -> Change:
    """By how many per cent a number has changed."""
    if not value or not was:
        return _appeared(value, was)
    moved = 100 * (value - was) / abs(was)
    if round(moved) == 0:
        return UNCHANGED
    shown = f"{moved:+,.0f} %" if abs(moved) < 1_000 else f"{value / was:,.0f} times"
    return Change(_signed(shown), _tone(moved, direction))


def by_points(value: float | None, was: float | None, direction: int) -> Change:
    """By how many percentage points a share has changed."""
    if value is None or was is None:
        return _appeared(value, was)
    moved = round(100 * (value - was), 1)
    return Change(_signed(f"{moved:+.1f} points"), _tone(moved, direction)) if moved else UNCHANGED


def by_stars(value: float | None, was: float | None, direction: int) -> Change:
    """By how many stars an average has changed."""
    if value is None or was is None:
        return _appeared(value, was)
    moved = round(value - was, 2)
    return Change(_signed(f"{moved:+.2f} stars"), _tone(moved, direction)) if moved else UNCHANGED


def _appeared(value: float | None, was: float | None) -> Change:
    """A number that there was none of before, or is none of now, has changed by no per cent."""
    return Change("new" if value else "none now" if was else "")


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _tone(moved: float, direction: int) -> str:
    return "" if not direction else "good" if moved * direction > 0 else "bad"
