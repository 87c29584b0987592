"""Import files for tests: a small valid marketplace, whose rows each test changes as it needs."""

import csv
import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command

Rows = list[dict[str, Any]]


def numbered(kind: int, number: int = 1) -> str:
    """An id that can be told from others at a glance."""
    return str(UUID(int=(kind << 96) + number))


VENDOR, OWNER, PRODUCT, CUSTOMER, VOTER, ORDER, ITEM, REVIEW = (numbered(kind) for kind in range(1, 9))


class Marketplace:
    """Files in a directory. Change ``files`` (rows of cells by column), then ``load()``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.rejects_file = directory.parent / "rejects.csv"
        self.files: dict[str, Rows] = {
            "vendors": [{"vendor_id": VENDOR, "business_name": "Ana's", "user_id": OWNER}],
            "products": [{"product_id": PRODUCT, "vendor_id": VENDOR, "title": "Lamp", "price_cents": 1990}],
            "customers": [{"customer_id": CUSTOMER}, {"customer_id": VOTER}],
            "orders": [{"order_id": ORDER, "customer_id": CUSTOMER, "created_at": "2017-11-24T10:00:00"}],
            "order_items": [
                {
                    "order_item_id": ITEM,
                    "order_id": ORDER,
                    "product_id": PRODUCT,
                    "quantity": 1,
                    "unit_price_cents": 1990,
                    "fulfilment_status": "delivered",
                    "delivered_at": "2017-12-01T10:00:00",
                    "refunded_at": "",
                }
            ],
            "reviews": [
                {
                    "review_id": REVIEW,
                    "product_id": PRODUCT,
                    "customer_id": CUSTOMER,
                    "order_id": ORDER,
                    "rating": 5,
                    "created_at": "2017-12-02 10:00:00",
                    "title": "Bright",
                    "comment": 'Lights up\nthe "whole" room',
                    "status": "approved",
                }
            ],
            "votes": [{"review_id": REVIEW, "customer_id": VOTER, "vote_type": "helpful"}],
        }

    def load(self, *options: str) -> dict[str, dict[str, int]]:
        """Write the files, import them, and return the counts per file; the exit code is in ``exit_code``."""
        for name, rows in self.files.items():
            self.write(name, rows)
        return self.run(*options)

    def write(self, name: str, rows: Rows) -> None:
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with (self.directory / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns)
            writer.writeheader()
            writer.writerows(rows)

    def run(self, *options: str) -> dict[str, dict[str, int]]:
        output = io.StringIO()
        self.exit_code = 0
        arguments = [str(self.directory), "--json", "--rejects", str(self.rejects_file), *options]
        try:
            call_command("import_marketplace", *arguments, stdout=output)
        except SystemExit as leaving:
            self.exit_code = int(leaving.code or 0)
        return json.loads(output.getvalue())["files"] if output.getvalue() else {}

    def rejects(self) -> Rows:
        with self.rejects_file.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    def reasons(self) -> list[tuple[str, str, str]]:
        """(file, column, reason) of every reject, in order."""
        return [(reject["file"], reject["column"], reject["reason"]) for reject in self.rejects()]


@pytest.fixture
def marketplace(tmp_path: Path) -> Marketplace:
    directory = tmp_path / "import"
    directory.mkdir()
    return Marketplace(directory)


def total(counts: dict[str, dict[str, int]], name: str) -> int:
    return sum(file[name] for file in counts.values())
