"""What a scrape tells about orders."""

from collections.abc import Sequence

from orders.stuck import KINDS
from trustengine.insight import gauge


@gauge(
    "trustengine_stuck_orders",
    "What should have moved on by itself: orders left behind by their items, payment events, refunds, reservations.",
    labels=["kind"],
)
def stuck_orders() -> dict[Sequence[str], float]:
    return {(kind.name,): kind.count() for kind in KINDS.values()}
