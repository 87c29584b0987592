import random
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from orders.models import Checkout, CheckoutLine, Product
from orders.services import close_if_overdue, stock
from orders.tests.checkout_factories import checked_out, stock_of
from orders.tests.factories import ProductFactory
from orders.tests.test_reconcile_order_status import reconcile
from trustengine.audit.models import Entry
from trustengine.errors import DomainError
from trustengine.testing import at_once

pytestmark = pytest.mark.django_db


def test_what_open_checkouts_hold_is_what_is_reserved():
    checked_out(quantity=3)

    assert reconcile("stock")[0] == 0


@pytest.mark.parametrize("wrong", [0, 2, 5])
def test_a_wrong_count_is_found_and_with_fix_made_right(wrong):
    product = ProductFactory(stock=10)
    checked_out(product, quantity=3)
    Product.objects.update(reserved=wrong)

    code, found = reconcile("stock")
    assert (code, found["stock"]["drifted"]) == (1, 1)
    assert found["stock"]["examples"][0]["expected"]["reserved"] == 3
    assert stock_of(product) == (10, wrong)

    assert reconcile("stock", "--fix")[1]["stock"]["fixed"] == 1
    assert stock_of(product) == (10, 3)
    (entry,) = Entry.objects.filter(verb="reconcile.stock_fixed")
    assert (entry.before["reserved"], entry.after["reserved"]) == (wrong, 3)


@pytest.mark.parametrize("state", ["failed", "expired", "refunded"])
def test_a_checkout_that_holds_although_it_is_not_open_is_drift_and_gives_back(state):
    product = ProductFactory(stock=10)
    over, still_open = checked_out(product, quantity=3).checkout, checked_out(product, quantity=2).checkout
    Checkout.objects.filter(pk=over.pk).update(state=state)

    found = reconcile("stock")[1]["stock"]
    assert found["examples"][0]["found"] == {"reserved": 5, "held_by_closed_checkouts": 3}

    assert reconcile("stock", "--fix")[0] == 0
    assert stock_of(product) == (10, 2)
    assert list(CheckoutLine.objects.filter(held__gt=0).values_list("checkout", flat=True)) == [still_open.pk]


def test_more_held_than_there_is_remains_for_somebody_to_look_at():
    product = ProductFactory(stock=5)
    checked_out(product, quantity=5)
    Product.objects.update(stock=2, reserved=1)

    code, found = reconcile("stock", "--fix")

    assert (code, found["stock"]["drifted"], found["stock"]["fixed"]) == (1, 1, 0)
    assert stock_of(product) == (2, 1)


def test_pieces_of_untracked_stock_are_held_by_nobody():
    product = ProductFactory(stock=None)
    checked_out(product, quantity=5)

    assert reconcile("stock")[0] == 0
    assert stock_of(product) == (None, 0)


def test_only_what_changed_since_a_date_is_compared():
    ProductFactory(stock=5)
    checked_out(ProductFactory(stock=5))
    Product.objects.update(updated_at=timezone.now() - timedelta(days=30))
    ProductFactory()

    assert reconcile("stock", "--since", str((timezone.now() - timedelta(days=2)).date()))[1]["stock"]["checked"] == 2


@pytest.mark.django_db(transaction=True)
def test_traffic_is_never_taken_for_drift_and_a_fix_never_undoes_it():
    products = [ProductFactory(stock=50) for _ in range(3)]

    def buy():
        try:
            for _ in range(12):
                some = random.sample(products, 2)
                checkout = checked_out(*some, quantity=random.randint(1, 3)).checkout
                fate = random.random()
                if fate < 0.4:
                    Checkout.objects.filter(pk=checkout.pk).update(expires_at=timezone.now())
                    close_if_overdue(checkout.pk)
                elif fate < 0.7:
                    pay(checkout)
        except DomainError:
            pass  # sold out
        return "done"

    def compare():
        return [reconcile("stock", *(["--fix"] if number % 2 else ["--batch-size", "1"]))[1] for number in range(8)]

    *bought, compared = at_once(buy, buy, buy, compare)

    assert bought == ["done"] * 3
    assert [one["stock"]["drifted"] for one in compared] == [0] * len(compared)
    assert reconcile("stock")[0] == 0


def pay(checkout):
    """What a payment does to the stock."""
    with transaction.atomic():
        locked = Checkout.objects.select_for_update(of=("self",), no_key=True).get(pk=checkout.pk)
        stock.sell(locked)
        Checkout.objects.filter(pk=checkout.pk, state="open").update(state="refund_due")
