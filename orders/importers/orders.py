from collections.abc import Collection, Sequence
from typing import Any

from django.conf import settings

from orders.clock import placement
from orders.models import Order, OrderItem
from trustengine.accounts.importers import customer_accounts
from trustengine.bulk import Among, insert_rows, update_rows
from trustengine.operations.importing import (
    Column,
    Importer,
    Key,
    Planned,
    Reason,
    Refusal,
    Row,
    State,
    Stored,
    importer,
    values,
)

MEMBERS = ("customer_id", "placed_at", "day", "tick", "currency")
COPIED = ("day", "tick")


@importer("orders")
class Orders(Importer):
    """Purchases. Their status follows from their items, and is confirmed until these are loaded."""

    columns = (
        Column("order_id", values.identifier),
        Column("customer_id", values.identifier),
        Column("created_at", values.moment),
        Column("currency", values.currency, required=False),
    )
    key = ("order_id",)

    def look_up(self, rows: Sequence[Row]) -> None:
        self.customers = customer_accounts(row["customer_id"] for row in rows)

    def refusal(self, row: Row) -> Refusal | None:
        if row["customer_id"] not in self.customers:
            return Refusal(Reason.UNKNOWN_REFERENCE, "customer_id")
        return None

    def state(self, row: Row) -> State:
        _, profile = self.customers[row["customer_id"]]
        return {
            "customer_id": profile,
            **placement(row["created_at"]),
            "currency": row["currency"] or settings.MARKETPLACE_CURRENCY,
        }

    def stored(self, keys: Collection[Key], *, lock: bool = False) -> dict[Key, Stored]:
        orders = Order.objects.filter(Among("pk", [order for (order,) in keys]))
        if lock:
            orders = orders.select_for_update(of=("self",), no_key=True).order_by("pk")
        return {
            (order,): Stored(dict(zip(MEMBERS, state, strict=True)), digest)
            for order, digest, *state in orders.values_list("pk", "import_digest", *MEMBERS)
        }

    def create(self, planned: Sequence[Planned]) -> None:
        insert_rows(Order, _sorted(planned))

    def update(self, planned: Sequence[Planned]) -> None:
        update_rows(Order, ["id"], _sorted(planned))
        moved = [
            {"order_id": plan.row["order_id"], **_copied(plan.state)}
            for plan in planned
            if plan.stored and _copied(plan.stored.state) != _copied(plan.state)
        ]
        update_rows(OrderItem, ["order_id"], moved)


def _copied(state: State) -> State:
    """What an order's items hold of it."""
    return {name: state[name] for name in COPIED}


def _sorted(planned: Sequence[Planned]) -> list[dict[str, Any]]:
    rows = [{"id": plan.row["order_id"], **plan.state, "import_digest": plan.digest} for plan in planned]
    return sorted(rows, key=lambda row: str(row["id"]))
