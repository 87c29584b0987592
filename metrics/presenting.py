"""A dashboard's totals and lists as a page shows them: words and formats only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from metrics.figures import STARS, Figures
from metrics.queries import Dashboard, Top
from trustengine.admin.presentation import money

UP_IS_GOOD, DOWN_IS_GOOD, NEITHER = 1, -1, 0
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Change:
    """A number against that of the period before, in words. ``tone`` is good, bad or nothing."""

    text: str
    tone: str = ""


UNCHANGED = Change("unchanged")
PARTS_ONLY = (
    "Given back on orders that still count. An order refunded as a whole counts neither in Sales nor here:"
    " see Refunded."
)
WHOLE_TOO = (
    "Items refunded in full, of those not cancelled. Also items of orders refunded as a whole, whose money stands"
    " neither in Sales nor in Refunds."
)


@dataclass(frozen=True)
class Card:
    """One number of the period."""

    title: str
    value: str
    change: Change
    before: str
    meaning: str
    note: str = ""  # what has to stand beside the number, for those who see no tooltip


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
        note: str = "",
    ) -> Card:
        value, was = getattr(now, name), getattr(before, name)
        change = (compared or relative)(value, was, direction)
        return Card(title, shown(value), change, shown(was), meaning, note)

    return [
        card("Sales", "gmv_cents", amount, UP_IS_GOOD, "Quantity by price of what was ordered and not cancelled."),
        card("Orders", "orders", count, UP_IS_GOOD, "Orders that were not cancelled or refunded as a whole."),
        card("Average order", "average_order_value_cents", amount, UP_IS_GOOD, "Sales by order."),
        card("Refunds", "refunds_cents", amount, DOWN_IS_GOOD, PARTS_ONLY, note="without orders refunded as a whole"),
        card("Fees", "platform_fees_cents", amount, NEITHER, "The marketplace's part of what was not refunded."),
        card("Net payout", "pending_payout_cents", amount, UP_IS_GOOD, "Sales less refunds and fees."),
        card("Rating", "average_rating", rating, UP_IS_GOOD, "The mean of the stars of reviews written.", by_stars),
        card("Cancelled", "cancellation_rate", percent, DOWN_IS_GOOD, "Of all items ordered.", by_points),
        card("Refunded", "refund_rate", percent, DOWN_IS_GOOD, WHOLE_TOO, by_points, "with orders refunded as a whole"),
        card("Delivery", "average_delivery_seconds", delivery, DOWN_IS_GOOD, "From order to arrival, on average."),
    ]


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
