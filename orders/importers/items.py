from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from orders.derivations import derive_statuses
from orders.importers.orders import COPIED
from orders.models import Order, OrderItem, Product
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

MOMENTS = ("shipped_at", "delivered_at", "cancelled_at", "refunded_at")
GIVEN = ("order_id", "product_id", "quantity", "unit_price_cents", "fulfilment_status", *MOMENTS)
MEMBERS = ("vendor_id", *GIVEN)


@importer("order_items")
class OrderItems(Importer):
    """What was bought, and what became of it. Dates are taken as they are, in whatever order they stand."""

    columns = (
        Column("order_item_id", values.identifier),
        Column("order_id", values.identifier),
        Column("product_id", values.identifier),
        Column("quantity", values.whole(1, values.MOST_PIECES)),
        Column("unit_price_cents", values.whole(0, values.MOST_CENTS)),
        Column("fulfilment_status", values.word(OrderItem.Fulfilment.values)),
        *(Column(moment, values.moment, required=False) for moment in MOMENTS),
    )
    key = ("order_item_id",)

    def look_up(self, rows: Sequence[Row]) -> None:
        orders = Order.objects.filter(Among("pk", [row["order_id"] for row in rows]))
        self.orders = set(orders.values_list("pk", flat=True))
        products = Product.objects.filter(Among("pk", [row["product_id"] for row in rows]))
        self.vendors: dict[UUID, UUID] = dict(products.values_list("pk", "vendor"))
        items = OrderItem.objects.filter(Among("pk", [row["order_item_id"] for row in rows]))
        self.sold = {item: (product, vendor) for item, product, vendor in items.values_list("pk", "product", "vendor")}

    def refusal(self, row: Row) -> Refusal | None:
        if row["order_id"] not in self.orders:
            return Refusal(Reason.UNKNOWN_REFERENCE, "order_id")
        if row["product_id"] not in self.vendors:
            return Refusal(Reason.UNKNOWN_REFERENCE, "product_id")
        return None

    def state(self, row: Row) -> State:
        """An item stays with the vendor who sold it, whoever has the product by now."""
        product, vendor = self.sold.get(row["order_item_id"], (None, None))
        if product != row["product_id"]:
            vendor = self.vendors[row["product_id"]]
        return {"vendor_id": vendor, **{name: row[name] for name in GIVEN}}

    def stored(self, keys: Collection[Key], *, lock: bool = False) -> dict[Key, Stored]:
        items = OrderItem.objects.filter(Among("pk", [item for (item,) in keys]))
        if lock:
            items = items.select_for_update(of=("self",), no_key=True).order_by("pk")
        return {
            (item,): Stored(dict(zip(MEMBERS, state, strict=True)), digest)
            for item, digest, *state in items.values_list("pk", "import_digest", *MEMBERS)
        }

    def lock(self, planned: Sequence[Planned]) -> None:
        orders = Order.objects.filter(Among("pk", _orders_of(planned))).order_by("pk")
        locked = orders.select_for_update(of=("self",), no_key=True)
        self.times = {order: (day, tick) for order, day, tick in locked.values_list("pk", "day", "tick")}

    def create(self, planned: Sequence[Planned]) -> None:
        insert_rows(OrderItem, self._rows(planned))

    def update(self, planned: Sequence[Planned]) -> None:
        update_rows(OrderItem, ["id"], self._rows(planned))

    def settle(self, planned: Sequence[Planned]) -> None:
        derive_statuses(_orders_of(planned))

    def _rows(self, planned: Sequence[Planned]) -> list[dict[str, Any]]:
        rows = [
            {
                "id": plan.row["order_item_id"],
                **_columns(plan.state),
                **dict(zip(COPIED, self.times[plan.state["order_id"]], strict=True)),
                "import_digest": plan.digest,
            }
            for plan in planned
        ]
        return sorted(rows, key=lambda row: str(row["id"]))


def _orders_of(planned: Sequence[Planned]) -> set[UUID]:
    """The orders that the items belong to, or belonged to."""
    now = {plan.state["order_id"] for plan in planned}
    return now | {plan.stored.state["order_id"] for plan in planned if plan.stored}


def _columns(state: State) -> dict[str, Any]:
    """History knows refunds of whole items only."""
    refunded = state["quantity"] * state["unit_price_cents"] if state["refunded_at"] else 0
    return {**state, "refunded_cents": refunded}
