"""Payments that come late, or are not what was asked for: an order from what is left, else the money back."""

from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from orders.models import Checkout, Order, Refund
from orders.services import refund_checkout, stock
from orders.tests.factories import ProductFactory
from orders.tests.payment_factories import event_body, open_checkout, paid_order, post, tell
from trustengine.accounts.tests.factories import UserFactory
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied
from trustengine.testing import at_once, run_due_jobs

SUCCEEDED = "payment_intent.succeeded"
FAILED = "payment_intent.payment_failed"


def shelf(product):
    product.refresh_from_db()
    return product.stock, product.reserved


def expire(checkout):
    """As the checkout's expiry does."""
    stock.free(checkout)
    checkout.state = Checkout.State.EXPIRED
    checkout.save()


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ["failed", "expired"])
def test_a_late_payment_takes_from_what_is_left_also_of_products_no_longer_offered(ending):
    product = ProductFactory(stock=2)
    checkout = open_checkout(bought={product: 2})
    tell(FAILED, checkout) if ending == "failed" else expire(checkout)
    product.is_active = False
    product.save()

    tell(SUCCEEDED, checkout)

    assert Order.objects.count() == 1
    assert shelf(product) == (0, 0)


@pytest.mark.django_db
def test_a_late_payment_for_what_is_gone_waits_for_its_refund_which_is_sent_once(django_user_model):
    product = ProductFactory(price_cents=900, stock=1)
    checkout = open_checkout(bought={product: 1})
    expire(checkout)
    paid_order(bought={product: 1})

    event = tell(SUCCEEDED, checkout, amount_received=900)

    checkout.refresh_from_db()
    assert (checkout.state, checkout.order, checkout.paid_cents) == ("refund_due", None, 900)
    assert (event.state, "refund is due" in event.outcome) == ("processed", True)
    assert shelf(product) == (0, 0)

    with pytest.raises(PermissionDenied):
        refund_checkout(checkout.pk, actor=UserFactory())
    operator = UserFactory(permissions=["orders.send_refund"])
    refund = refund_checkout(checkout.pk, actor=operator)
    assert refund_checkout(checkout.pk, actor=None) == refund
    run_due_jobs()

    checkout.refresh_from_db()
    refund.refresh_from_db()
    assert (checkout.state, refund.state, refund.amount_cents) == ("refunded", "succeeded", 900)
    assert refund.provider_refund_id.startswith("re_local_")
    echo = tell("charge.refunded", checkout, amount_refunded=900)
    assert (echo.state, Refund.objects.count()) == ("processed", 1)


@pytest.mark.django_db
def test_a_checkout_of_which_no_refund_is_due_is_not_refunded():
    checkout = open_checkout()
    with pytest.raises(InvalidTransition):
        refund_checkout(checkout.pk, actor=None)
    with pytest.raises(NotFound):
        refund_checkout(ProductFactory().pk, actor=None)


@pytest.mark.django_db
def test_money_that_the_provider_sent_back_for_no_order_is_noted_without_our_asking():
    product = ProductFactory(price_cents=900, stock=1)
    checkout = open_checkout(bought={product: 1})
    tell(SUCCEEDED, checkout, amount_received=1)

    partly = tell("charge.refunded", checkout, amount_refunded=0)
    assert "still due" in partly.outcome
    tell("charge.refunded", checkout, amount_refunded=1)

    checkout.refresh_from_db()
    assert checkout.state == "refunded"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "about",
    [
        {"amount_received": 999},
        {"amount_received": 1_001},
        {"amount": 10},
        {"amount_received": 1_000, "currency": "usd"},
        {"amount_received": None},
    ],
)
def test_a_payment_of_another_amount_or_currency_makes_no_order(about):
    checkout = open_checkout(bought={(product := ProductFactory(price_cents=1_000, stock=3)): 1})

    event = tell(SUCCEEDED, checkout, **about)

    checkout.refresh_from_db()
    if about == {"amount_received": None}:
        assert checkout.state == "paid"  # it tells no amount
    else:
        assert (event.state, checkout.state, shelf(product)) == ("failed", "refund_due", (3, 0))
        assert not Order.objects.exists()


@pytest.mark.django_db
def test_what_fails_for_want_of_stock_can_be_tried_again_when_there_is_some():
    product = ProductFactory(stock=1)
    checkout = open_checkout(bought={product: 1})
    expire(checkout)
    paid_order(bought={product: 1})
    tell(SUCCEEDED, checkout)
    product.refresh_from_db()
    product.stock = 1
    product.save()

    tell(SUCCEEDED, checkout)

    checkout.refresh_from_db()
    assert checkout.state == "paid"


@pytest.mark.django_db(transaction=True)
def test_a_payment_racing_an_expiry_ends_in_an_order_and_an_exact_shelf():
    product = ProductFactory(stock=8)
    checkouts = [open_checkout(bought={product: 1}) for _ in range(8)]
    for checkout in checkouts:
        post(event_body(SUCCEEDED, checkout.payment_intent_id))

    @transaction.atomic
    def expire_locked(pk):
        locked = Checkout.objects.select_for_update(no_key=True).get(pk=pk)
        if locked.state == Checkout.State.OPEN:
            expire(locked)

    at_once(*[partial(expire_locked, checkout.pk) for checkout in checkouts], run_due_jobs)
    run_due_jobs()

    assert Order.objects.count() == 8
    assert shelf(product) == (0, 0)


@pytest.mark.django_db
def test_operators_see_what_is_due_and_send_it_back(capsys):
    checkout = open_checkout()
    tell(SUCCEEDED, checkout, amount_received=7)

    call_command("refund_checkouts")
    shown = capsys.readouterr().out
    assert str(checkout.pk) in shown
    assert " 7 EUR" in shown

    call_command("refund_checkouts", "--all")
    run_due_jobs()
    checkout.refresh_from_db()
    assert checkout.state == "refunded"
    with pytest.raises(CommandError, match="no checkouts"):
        call_command("refund_checkouts", str(ProductFactory().pk))
    call_command("refund_checkouts", str(checkout.pk))
    assert Refund.objects.count() == 1
