"""A second import of products while people buy them."""

import pytest
from django.core.management import call_command

from orders.models import Product
from orders.tests.checkout_factories import checked_out, stock_of
from trustengine.accounts.tests.factories import VendorFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def load(tmp_path):
    """Import one product with a stock and a price; what became of its row."""
    vendor = VendorFactory()

    def run(stock, price=500):
        row = f"00000000-0000-7000-8000-000000000001,{vendor.pk},Pot,{price},{stock}"
        (tmp_path / "products.csv").write_text(f"product_id,vendor_id,title,price_cents,stock\n{row}\n")
        call_command("import_marketplace", str(tmp_path))
        return Product.objects.get()

    return run


def test_stock_is_never_set_below_what_checkouts_hold_and_the_rest_of_the_row_is_taken(load):
    checked_out(load(10), quantity=4)

    product = load(1, price=600)

    assert (stock_of(product), product.price_cents) == ((4, 4), 600)


def test_once_the_checkouts_are_over_the_files_number_is_taken(load):
    checkout = checked_out(load(10), quantity=4).checkout
    load(1)
    Product.objects.update(reserved=0)
    checkout.lines.update(held=0)

    assert stock_of(load(1)) == (1, 0)


def test_stock_that_is_no_longer_tracked_may_be_reserved(load):
    checked_out(load(10), quantity=4)

    assert stock_of(load("")) == (None, 4)
