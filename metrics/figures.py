"""The numbers of a day or of many, and what follows from them. Ratios come from integers, at the very end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from metrics.models import Sums

SUMMED = (*Sums.NUMBERS, "pending_payout_cents")
STARS = (1, 2, 3, 4, 5)


@dataclass
class Figures:
    """Sums over orders in one currency, and over the counted reviews written meanwhile. Money is in its cents."""

    orders: int = 0
    units: int = 0
    gmv_cents: int = 0
    refunds_cents: int = 0
    platform_fees_cents: int = 0
    pending_payout_cents: int = 0
    placed_items: int = 0
    cancelled_items: int = 0
    refunded_items: int = 0
    delivered_items: int = 0
    delivery_seconds: int = 0
    stars: list[int] = field(default_factory=lambda: [0] * len(STARS))

    def add_sums(self, row: Mapping[str, Any]) -> None:
        for name in SUMMED:
            setattr(self, name, getattr(self, name) + row[name])

    def add(self, other: "Figures") -> None:
        for name in SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.stars = [mine + theirs for mine, theirs in zip(self.stars, other.stars, strict=True)]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was placed, and nothing written."""
        return not (self.placed_items or self.orders or self.reviews)

    @property
    def reviews(self) -> int:
        return sum(self.stars)

    @property
    def distribution(self) -> dict[str, int]:
        """Reviews by their stars."""
        return {str(star): count for star, count in zip(STARS, self.stars, strict=True)}

    @property
    def average_rating(self) -> float | None:
        """The mean of the stars to two decimals, as ratings have it; None without a review."""
        total = sum(star * count for star, count in zip(STARS, self.stars, strict=True))
        return _ratio(total, self.reviews, "0.01")

    @property
    def average_order_value_cents(self) -> int | None:
        """GMV by order, to the cent, half to even; None without an order."""
        return _mean(self.gmv_cents, self.orders)

    @property
    def cancellation_rate(self) -> float | None:
        """The share of all items placed that was cancelled; None where none was placed."""
        return _ratio(self.cancelled_items, self.placed_items, "0.0001")

    @property
    def refund_rate(self) -> float | None:
        """The share of the items that were not cancelled which was refunded in full; None where there is none."""
        return _ratio(self.refunded_items, self.placed_items - self.cancelled_items, "0.0001")

    @property
    def average_delivery_seconds(self) -> int | None:
        """From placement to delivery, of the items that have arrived; None where none has."""
        return _mean(self.delivery_seconds, self.delivered_items)


@dataclass
class Day(Figures):
    """The figures of one day."""

    day: date = date.min


def _ratio(part: int, whole: int, step: str) -> float | None:
    if whole <= 0:
        return None
    return float((Decimal(part) / Decimal(whole)).quantize(Decimal(step), ROUND_HALF_EVEN))


def _mean(total: int, count: int) -> int | None:
    if count <= 0:
        return None
    return int((Decimal(total) / Decimal(count)).quantize(Decimal(1), ROUND_HALF_EVEN))
