"""Placing refunds on an order's items, exact to the cent. Pure: the same refunds in the same order, the same result."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import UUID

from orders.shares import shared_out

Cents = dict[UUID, int]


@dataclass(frozen=True)
class Part:
    """A refund to be placed: with an amount for each item, for items that it names, or for all of them."""

    refund_id: UUID
    amount_cents: int
    lines: Mapping[UUID, int] = field(default_factory=dict)
    named: Collection[UUID] = ()


def allocate(left: Cents, parts: Sequence[Part]) -> dict[UUID, Cents]:
    """Place these refunds, one after the other, on what is ``left`` of each item, which becomes less.

    A refund goes where its lines say, or pro rata to the items it names, by the largest
    remainder. What does not fit there goes pro rata to all others, and what exceeds
    everything goes nowhere.
    """
    placed: dict[UUID, Cents] = {}
    for part in parts:
        on_items = placed.setdefault(part.refund_id, {})
        if part.lines:
            wanted = {item: min(cents, left[item]) for item, cents in part.lines.items() if item in left}
        else:
            named = [item for item in left if item in part.named]
            wanted = dict(zip(named, shared_out(part.amount_cents, [left[item] for item in named]), strict=True))
        _take(wanted, left, on_items)
        rest = part.amount_cents - sum(wanted.values())
        if rest > 0:
            shares = shared_out(rest, list(left.values()))
            _take({item: share for item, share in zip(left, shares, strict=True) if share}, left, on_items)
    return placed


def _take(wanted: Mapping[UUID, int], left: Cents, on_items: Cents) -> None:
    for item, cents in wanted.items():
        left[item] -= cents
        on_items[item] = on_items.get(item, 0) + cents


def unexplained(totals: Mapping[int, Collection[UUID]], known_cents: int) -> list[tuple[int, Collection[UUID]]]:
    """What a charge's highest total says beyond ``known_cents``: amounts, each with the items named for it.

    ``totals`` has the items that were named when each total was told. A total's own part is
    its increase over the one before; the newest parts are those that are not known yet.
    """
    missing = max(totals, default=0) - known_cents
    parts: list[tuple[int, Collection[UUID]]] = []
    ordered = sorted(totals, reverse=True)
    for total, before in pairwise([*ordered, 0]):
        if missing <= 0:
            break
        amount = min(missing, total - before)
        missing -= amount
        parts.append((amount, totals[total]))
    return parts[::-1]
