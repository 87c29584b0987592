"""Importing a marketplace from CSV files: rows a second, and again when nothing has changed."""

import csv
import io
import json
import random
import tempfile
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management import call_command

from trustengine.devtools.bench.rounds import Figures, Size, ratio, stopwatch

COMMAND = "import_marketplace"


def measure(size: Size) -> Figures:
    """Rows of all files a second: all new, then all known already."""
    with tempfile.TemporaryDirectory(prefix="trustengine-bench-") as name:
        _write_marketplace(Path(name), orders=size.imported)
        first, again = _import(name), _import(name)
    return {"new_rows_per_second": first, "known_rows_per_second": again, "known_to_new": ratio(again, first)}


def _import(directory: str) -> float:
    output = io.StringIO()
    with stopwatch() as watch:
        call_command(COMMAND, directory, "--json", stdout=output)
    files: dict[str, dict[str, Any]] = json.loads(output.getvalue())["files"]
    assert not sum(counts["rejected"] for counts in files.values()), files
    return watch.per_second(sum(counts["read"] for counts in files.values()))


def _write_marketplace(directory: Path, *, orders: int) -> None:
    """Vendors, products, customers, orders with one item each, and a review of every third one."""
    rng = random.Random(7)

    def ids(count: int) -> list[uuid.UUID]:
        return [uuid.UUID(int=rng.getrandbits(128), version=4) for _ in range(count)]

    vendors, products, customers = ids(5), ids(max(5, orders // 50)), ids(max(5, orders // 4))
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    rows: dict[str, list[Sequence[object]]] = {"orders": [], "order_items": [], "reviews": []}
    reviewed: set[tuple[object, object]] = set()
    for number, order in enumerate(ids(orders)):
        customer, product, [item, review] = rng.choice(customers), rng.choice(products), ids(2)
        placed = begin + timedelta(minutes=10 * number)
        arrived = placed + timedelta(days=3)
        rows["orders"].append((order, customer, placed.isoformat()))
        rows["order_items"].append((item, order, product, 1, 1_990, "delivered", arrived.isoformat()))
        if number % 3 == 0 and (product, customer) not in reviewed:
            reviewed.add((product, customer))
            written = arrived + timedelta(days=2)
            stars = rng.randint(1, 5)
            rows["reviews"].append((review, product, customer, order, stars, written.isoformat(), "approved"))
    _write(directory, "vendors", "vendor_id business_name", ((vendor, "A shop") for vendor in vendors))
    shelf = ((product, rng.choice(vendors), "A thing", 1_990) for product in products)
    _write(directory, "products", "product_id vendor_id title price_cents", shelf)
    _write(directory, "customers", "customer_id", ((customer,) for customer in customers))
    _write(directory, "orders", "order_id customer_id created_at", rows["orders"])
    item_columns = "order_item_id order_id product_id quantity unit_price_cents fulfilment_status delivered_at"
    _write(directory, "order_items", item_columns, rows["order_items"])
    review_columns = "review_id product_id customer_id order_id rating created_at status"
    _write(directory, "reviews", review_columns, rows["reviews"])


def _write(directory: Path, name: str, columns: str, rows: Iterable[Sequence[object]]) -> None:
    with (directory / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split())
        writer.writerows(rows)
