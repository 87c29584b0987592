"""Refunds that an operator asks for in a file: checked row by row, asked for in batches, each row once.

A row that says the same as one that has been carried out changes nothing, so a file, also a
corrected one, may be run again. Locks: orders by id, then their items by id.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from orders.derivations import lock_orders
from orders.models import Order, OrderItem, Refund
from orders.services.refunding import Wanted, open_cents, request_refunds
from orders.services.settling import lock_items
from orders.shares import shared_out
from trustengine.bulk import Among
from trustengine.operations.importing import Column, Reason, Refusal, Row, values
from trustengine.operations.importing.rejects import Reject

LONGEST_NOTE = 80
COLUMNS = (
    Column("order_id", values.identifier),
    Column("order_item_id", values.identifier, required=False),
    Column("amount_cents", values.whole(1, values.MOST_CENTS), required=False),
    Column("reason", values.text(LONGEST_NOTE), required=False, default=""),
)
KEY = ("order_id",)


@dataclass
class Progress:
    """What has become of a file's rows so far, and which it has had."""

    read: int = 0
    requested: int = 0
    unchanged: int = 0
    rejected: int = 0
    amount_cents: int = 0
    seen: set[str] = field(default_factory=set)

    @property
    def counts(self) -> dict[str, int]:
        names = ("read", "requested", "unchanged", "rejected", "amount_cents")
        return {name: getattr(self, name) for name in names}


@transaction.atomic
def request_batch(entries: Sequence[Row | Reject], progress: Progress) -> list[Reject]:
    """Ask for the refunds of these rows; returns those that were not taken, in the order of the file.

    Without an item a row is about its whole order; without an amount, about all that is
    left. An amount for several items is shared pro rata.
    """
    rows = [entry for entry in entries if isinstance(entry, Row)]
    batch = _Batch(rows)
    rejects = []
    for entry in entries:
        progress.read += 1
        refusal = None if isinstance(entry, Reject) else batch.look_at(entry, progress)
        if isinstance(entry, Reject):
            rejects.append(entry)
        elif refusal is not None:
            rejects.append(entry.reject(refusal))
    progress.rejected += len(rejects)
    request_refunds(batch.wanted)
    return rejects


class _Batch:
    """The orders of some rows, locked, and what is to be asked for of them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        ids = {row["order_id"] for row in rows}
        lock_orders(ids)
        self.orders = Order.objects.in_bulk(list(ids))
        self.items = lock_items(ids)
        self.open = open_cents(item for items in self.items.values() for item in items)
        known = Refund.objects.filter(Among("source", [source_of(row) for row in rows]))
        self.known = set(known.values_list("source", flat=True))
        self.wanted: list[Wanted] = []

    def look_at(self, row: Row, progress: Progress) -> Refusal | None:
        source = source_of(row)
        if source in progress.seen:
            return Refusal(Reason.DUPLICATE_ID, "order_id")
        order = self.orders.get(row["order_id"])
        if order is None:
            return Refusal(Reason.UNKNOWN_REFERENCE, "order_id")
        items = self._targets(row)
        if not items and row["order_item_id"]:
            return Refusal(Reason.UNKNOWN_REFERENCE, "order_item_id")
        left = sum(self.open[item.pk] for item in items)
        amount = left if row["amount_cents"] is None else row["amount_cents"]
        if source not in self.known and amount > left:
            return Refusal(Reason.INVALID_VALUE, "amount_cents")
        progress.seen.add(source)
        if source in self.known or not amount:
            progress.unchanged += 1
            return None
        lines = self._share(items, amount)
        self.wanted.append(Wanted(order, lines, Refund.Reason.OPERATOR, note=row["reason"], source=source))
        progress.requested += 1
        progress.amount_cents += amount
        return None

    def _targets(self, row: Row) -> list[OrderItem]:
        items = self.items.get(row["order_id"], [])
        return [item for item in items if row["order_item_id"] in {None, item.pk}]

    def _share(self, items: Sequence[OrderItem], amount: int) -> dict[UUID, int]:
        shares = shared_out(amount, [self.open[item.pk] for item in items])
        lines = {item.pk: share for item, share in zip(items, shares, strict=True) if share}
        for item, share in lines.items():
            self.open[item] -= share
        return lines


def source_of(row: Row) -> str:
    """A row's name: the same for every row that says the same, in whatever spelling or file."""
    given = row.cells.get("reason", "")  # not as it is stored: names from before texts were normalised stay the same
    reason = "" if given.isspace() else given
    said = "|".join(reason if column.name == "reason" else str(row[column.name]) for column in COLUMNS)
    return f"file:{hashlib.sha256(said.encode(errors='replace')).hexdigest()}"
