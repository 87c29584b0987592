from collections.abc import Collection, Sequence
from typing import Any

from django.conf import settings

from orders.models import Product
from trustengine.accounts.models import Profile
from trustengine.bulk import Among, insert_rows, update_rows
from trustengine.jobs.services import publish_many
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

MEMBERS = ("vendor_id", "title", "price_cents", "currency", "stock", "is_active")


@importer("products")
class Products(Importer):
    """What vendors sell. Pieces that checkouts hold are promised: stock is never set below them."""

    columns = (
        Column("product_id", values.identifier),
        Column("vendor_id", values.identifier),
        Column("title", values.text(200)),
        Column("price_cents", values.whole(0, values.MOST_CENTS)),
        Column("currency", values.currency, required=False),
        Column("stock", values.whole(0, values.MOST_STOCK), required=False),
        Column("is_active", values.boolean, required=False, default=True),
    )
    key = ("product_id",)

    def look_up(self, rows: Sequence[Row]) -> None:
        vendors = Profile.objects.vendors().filter(Among("pk", [row["vendor_id"] for row in rows]))
        self.vendors = set(vendors.values_list("pk", flat=True))

    def refusal(self, row: Row) -> Refusal | None:
        if row["vendor_id"] not in self.vendors:
            return Refusal(Reason.UNKNOWN_REFERENCE, "vendor_id")
        return None

    def state(self, row: Row) -> State:
        told = {name: row[name] for name in MEMBERS}
        if told["stock"] is not None:
            told["stock"] = max(told["stock"], self.reserved.get(row["product_id"], 0))
        return told | {"currency": row["currency"] or settings.MARKETPLACE_CURRENCY}

    def stored(self, keys: Collection[Key], *, lock: bool = False) -> dict[Key, Stored]:
        products = Product.objects.filter(Among("pk", [product for (product,) in keys]))
        if lock:
            products = products.select_for_update(of=("self",), no_key=True).order_by("pk")
        rows = list(products.values_list("pk", "import_digest", "reserved", *MEMBERS))
        self.reserved = {product: reserved for product, _, reserved, *_ in rows}
        return {
            (product,): Stored(dict(zip(MEMBERS, state, strict=True)), digest) for product, digest, _, *state in rows
        }

    def create(self, planned: Sequence[Planned]) -> None:
        insert_rows(Product, _sorted(planned))
        vendors = Product.objects.moderated().filter(Among("vendor_id", [plan.row["vendor_id"] for plan in planned]))
        watched = set(vendors.values_list("vendor_id", flat=True))
        _tell([plan.row["product_id"] for plan in planned if plan.row["vendor_id"] in watched])

    def update(self, planned: Sequence[Planned]) -> None:
        ids = [plan.row["product_id"] for plan in planned]
        before = dict(Product.objects.filter(Among("pk", ids)).values_list("pk", "listing_version"))
        update_rows(Product, ["id"], _sorted(planned))
        after = Product.objects.filter(Among("pk", ids)).values_list("pk", "listing_version")
        _tell([product for product, version in after if version != before[product]])


def _tell(products: Sequence[Any]) -> None:
    """Let others know whose listings say something else now: moderators watch those that they have taken down."""
    publish_many("orders.product_changed", [{"product_id": product} for product in sorted(products)])


def _sorted(planned: Sequence[Planned]) -> list[dict[str, Any]]:
    rows = [{"id": plan.row["product_id"], **plan.state, "import_digest": plan.digest} for plan in planned]
    return sorted(rows, key=lambda row: str(row["id"]))
