"""A sample of a real marketplace: its first 3,000 orders, with the rows that belong to them."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from orders.models import Order
from reviews.models import Review
from trustengine.operations.tests.marketplace import Marketplace, marketplace, total

__all__ = ["marketplace"]

OLIST = settings.BASE_DIR.parent / "shared" / "data" / "olist"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not OLIST.is_dir(), reason="the real data is not part of the project"),
]


def rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(OLIST / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def take(directory: Path, orders: int) -> None:
    """Write the first orders of the real data, and all that they refer to and that refers to them."""
    sample = {"orders": [row for row, _ in zip(rows("orders"), range(orders), strict=False)]}
    wanted = {"order_id": {row["order_id"] for row in sample["orders"]}}
    for name in ("order_items", "reviews"):
        sample[name] = [row for row in rows(name) if row["order_id"] in wanted["order_id"]]
    wanted["customer_id"] = {row["customer_id"] for row in sample["orders"]}
    wanted["product_id"] = {row["product_id"] for row in sample["order_items"]}
    for name, key in (("customers", "customer_id"), ("products", "product_id")):
        sample[name] = [row for row in rows(name) if row[key] in wanted[key]]
    sample["vendors"] = list(rows("vendors"))
    for name, found in sample.items():
        with (directory / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(found[0]))
            writer.writeheader()
            writer.writerows(found)


def test_real_history_loads_with_its_quirks_explained_and_nothing_drifts(marketplace: Marketplace, settings):
    settings.MARKETPLACE_TIME_ZONE, settings.MARKETPLACE_CURRENCY = "America/Sao_Paulo", "BRL"
    take(marketplace.directory, 3_000)

    counts = marketplace.run("--batch-size", "700")

    rejected = {reject["reason"] for reject in marketplace.rejects()}
    assert marketplace.exit_code == 3
    assert rejected <= {"DUPLICATE_ID", "DUPLICATE_REVIEW", "INVALID_VALUE"}
    assert total(counts, "created") == total(counts, "read") - total(counts, "rejected")
    assert counts["reviews"]["rejected"] == total(counts, "rejected") < 0.05 * counts["reviews"]["read"]
    assert set(Order.objects.values_list("status", flat=True)) >= {"delivered", "cancelled", "shipped"}
    assert Review.objects.filter(verification="ordered").exists()
    call_command("reconcile")

    again = marketplace.run()

    assert total(again, "unchanged") == total(counts, "created")
    assert total(again, "rejected") == total(counts, "rejected")
