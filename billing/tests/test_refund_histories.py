"""Refunds as the provider tells them, in any order, booked in between: the books say what the items say."""

import random

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from billing.reconcilers.ledger import Ledger
from billing.services.bookkeeping import book_orders
from billing.tests.sales import assert_books_balance, balances
from orders.models import Order
from orders.payments.events import read_event
from orders.services import take_event
from orders.services.payments import process
from orders.tests import stripe_payloads as stripe
from orders.tests.factories import ProductFactory
from orders.tests.payment_factories import event_body, open_checkout


@pytest.mark.django_db
@tuned(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(parts=stripe.PARTS, seed=st.integers(0, 10**6))
def test_the_books_agree_with_the_items_whatever_is_told_in_whatever_order(parts, seed):
    with transaction.atomic():
        chance = random.Random(seed)
        products = [ProductFactory(price_cents=price, stock=10) for price in (400, 700, 1_001)]
        checkout = open_checkout(bought=dict.fromkeys(products, 1))
        intent = checkout.payment_intent_id
        feed(intent, event_body("payment_intent.succeeded", intent, "evt_paid", amount_received=2_101))
        order = Order.objects.get(checkout=checkout)
        events = stripe.histories(intent, [str(item.pk) for item in order.items.order_by("pk")], parts)
        chance.shuffle(events)

        for event in events:
            feed(intent, event)
            if chance.random() < 0.6:
                book_orders([order.pk])
                assert_books_balance()
        book_orders([order.pk])

        back = sum(order.items.values_list("refunded_cents", flat=True))
        assert balances(None).get("processor_clearing", 0) == back - 2_101
        assert list(Ledger().drifted([order.pk])) == []
        assert_books_balance()
        transaction.set_rollback(True)


def feed(intent, event):
    if take_event(read_event(event)):
        process(intent)
