"""What happened to an order and its items, told step by step out of the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.text import Truncator

from orders.models import Order, OrderItem
from trustengine.audit import reading

MOST = 200
STATES = ("fulfilment_status", "status")


@dataclass(frozen=True)
class Step:
    """An entry as the order's page tells it: what moved, from which state to which, because of which item."""

    line: reading.Line
    what: str
    before: str
    after: str
    because: str

    @property
    def is_move(self) -> bool:
        return bool(self.after)


def timeline(order: Order, items: Sequence[OrderItem], viewer: Any) -> list[Step]:
    """The latest steps, newest first."""
    names = {str(item.pk): Truncator(item.product.title).chars(60) for item in items}
    return [_step(line, names) for line in reading.trail([order, *items], viewer, limit=MOST)]


def _step(line: reading.Line, names: dict[str, str]) -> Step:
    entry = line.entry
    state = next((name for name in STATES if name in entry.after), "")
    return Step(
        line,
        what=names.get(entry.object_id, "The order"),
        before=str(entry.before.get(state, "")),
        after=str(entry.after[state]) if state else "",
        because=names.get(str(entry.after.get("item")), ""),
    )
