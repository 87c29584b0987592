"""Real history: after the import, each vendor's days equal what the CSV files say, counted here by csv and decimal."""

import csv
import os
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from metrics.models import PlatformDaily, VendorDaily, VendorRatingDaily
from metrics.tests.recount import assert_exact
from reviews.tests.test_import_olist import OLIST, take
from trustengine.operations.tests.marketplace import Marketplace, marketplace

__all__ = ["marketplace"]

ORDERS = int(os.environ.get("OLIST_ORDERS", "1200"))  # 58,805 are all

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not OLIST.is_dir(), reason="the real data is not part of the project"),
]


class Files:
    """The CSV files of a directory, summed up in plain Python. Times have no zone: they are the marketplace's."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.vendor_of = {row["product_id"]: row["vendor_id"] for row in self.rows("products")}
        self.orders = {row["order_id"]: row for row in self.rows("orders")}

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.directory / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def vendor_days(self) -> dict[tuple[str, str], tuple[int, ...]]:
        """(vendor, day) → orders, units, gmv, refunds, fees at 15 %. Nothing is refunded here."""
        found: dict[Any, list[Any]] = defaultdict(lambda: [set(), 0, 0, 0, 0])
        for item in self.rows("order_items"):
            if item["fulfilment_status"] == "cancelled":  # and an order of such items only counts nowhere either
                continue
            row = found[self.vendor_of[item["product_id"]], self.orders[item["order_id"]]["created_at"][:10]]
            price = int(item["quantity"]) * int(item["unit_price_cents"])
            row[0].add(item["order_id"])
            row[1] += int(item["quantity"])
            row[2] += price
            row[4] += int((Decimal(price) * Decimal("0.15")).quantize(Decimal(1), ROUND_HALF_EVEN))
        return {key: (len(orders), *numbers) for key, (orders, *numbers) in found.items()}

    def stars(self) -> dict[tuple[str, str], list[int]]:
        """(vendor, day) → reviews of one to five stars, of the rows that an import takes: the first of its kind."""
        found: dict[Any, list[int]] = defaultdict(lambda: [0] * 5)
        ids: set[str] = set()
        pairs: set[tuple[str, str]] = set()
        for row in self.rows("reviews"):
            pair = (row["product_id"], row["customer_id"])
            if not row["created_at"] or row["review_id"] in ids or pair in pairs:
                continue
            ids.add(row["review_id"])
            pairs.add(pair)
            if row["status"] == "approved":
                found[self.vendor_of[row["product_id"]], row["created_at"][:10]][int(row["rating"]) - 1] += 1
        return dict(found)


def test_totals_per_vendor_and_day_equal_a_recount_of_the_files(marketplace: Marketplace, settings):
    settings.MARKETPLACE_TIME_ZONE, settings.MARKETPLACE_CURRENCY = "America/Sao_Paulo", "BRL"
    take(marketplace.directory, ORDERS)
    files = Files(marketplace.directory)

    marketplace.run("--batch-size", "400")

    numbers = ("orders", "units", "gmv_cents", "refunds_cents", "platform_fees_cents")
    days = VendorDaily.objects.filter(orders__gt=0).values_list("vendor", "day", *numbers)
    assert {(str(vendor), str(day)): tuple(row) for vendor, day, *row in days} == files.vendor_days()
    stars = VendorRatingDaily.objects.values_list("vendor", "day", *(f"stars_{n}" for n in range(1, 6)))
    counted = {(str(vendor), str(day)): row for vendor, day, *row in stars if any(row)}
    assert counted == files.stars()
    per_day: dict[str, int] = defaultdict(int)
    for (_, day), (_, _, gmv, *_) in files.vendor_days().items():
        per_day[day] += gmv
    platform = PlatformDaily.objects.filter(gmv_cents__gt=0).values_list("day", "gmv_cents")
    assert {str(day): gmv for day, gmv in platform} == dict(per_day)
    assert_exact()
    call_command("reconcile", "metrics")
