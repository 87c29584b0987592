"""What the database would refuse is rejected row by row, and costs no other row of its batch."""

import pytest

from orders.models import Order, OrderItem, Product
from reviews.models import Review
from trustengine.accounts.models import Profile
from trustengine.operations.tests.marketplace import (
    CUSTOMER,
    ORDER,
    PRODUCT,
    REVIEW,
    VENDOR,
    Marketplace,
    marketplace,
    numbered,
)

__all__ = ["marketplace"]

pytestmark = pytest.mark.django_db

BEYOND = [
    ("vendors", "business_name", "x" * 121),
    ("vendors", "fee_bps", "-1"),
    ("vendors", "fee_bps", "10001"),
    ("products", "title", "x" * 201),
    ("products", "price_cents", "-1"),
    ("products", "currency", "EURO"),
    ("products", "stock", "-1"),
    ("customers", "email", f"{'x' * 250}@example.org"),
    ("orders", "currency", "banana"),
    ("order_items", "quantity", "-1"),
    ("order_items", "quantity", "0"),
    ("order_items", "unit_price_cents", "-5"),
    ("order_items", "fulfilment_status", "banana"),
    ("reviews", "rating", "-1"),
    ("reviews", "rating", "6"),
    ("reviews", "title", "x" * 201),
    ("reviews", "comment", "x" * 10_001),
    ("reviews", "status", "banana"),
    ("votes", "vote_type", "banana"),
]
KEYS = {
    "vendors": "vendor_id",
    "products": "product_id",
    "customers": "customer_id",
    "orders": "order_id",
    "order_items": "order_item_id",
    "reviews": "review_id",
    "votes": "review_id",
}


@pytest.mark.parametrize("size", ["1", "1000"])
def test_values_beyond_a_bound_are_rejected_one_by_one(marketplace: Marketplace, size: str) -> None:
    """All of them in one import, before the good row of each file."""
    for number, (file, column, value) in enumerate(BEYOND, start=100):
        good = marketplace.files[file][-1]
        bad = good | {KEYS[file]: good[KEYS[file]] if file == "votes" else numbered(9, number), column: value}
        marketplace.files[file].insert(0, bad)

    counts = marketplace.load("--batch-size", size)

    assert marketplace.exit_code == 3
    assert sorted(marketplace.reasons()) == sorted(
        (f"{file}.csv", column, "INVALID_VALUE") for file, column, _ in BEYOND
    )
    assert {name: count["created"] for name, count in counts.items()} == {
        "customers": 2,
        "vendors": 1,
        "products": 1,
        "orders": 1,
        "order_items": 1,
        "reviews": 1,
        "votes": 1,
    }
    assert Profile.objects.filter(pk=VENDOR).exists()
    assert Product.objects.filter(pk=PRODUCT).exists()
    assert Order.objects.filter(pk=ORDER, customer__user__subject=CUSTOMER).exists()
    assert OrderItem.objects.count() == 1
    assert Review.objects.get().pk.hex == REVIEW.replace("-", "")
