"""Disputes are decided again: the newest decision counts, in whichever order decisions come."""

from itertools import permutations

import pytest
from django.db import transaction

from billing.services.bookkeeping import book_orders
from billing.tests.sales import assert_books_balance, balances, booked
from orders.models import Dispute, Order
from orders.payments.events import read_event
from orders.services import take_event
from orders.services.payments import process
from orders.tests.payment_factories import event_body, open_checkout, paid_order, post
from trustengine.testing import run_due_jobs

NOW = 1_795_000_000


def dispute_event(checkout, type_, at, event_id, **about):
    body = event_body(f"charge.dispute.{type_}", checkout.payment_intent_id, event_id)
    body["created"] = at
    body["data"]["object"] |= {"id": "dp_1", "object": "dispute", "amount": 700, "reason": "general"} | about
    return body


def history(checkout, *outcomes):
    created = dispute_event(checkout, "created", NOW, "evt_0", status="needs_response")
    decisions = [
        dispute_event(checkout, "closed", NOW + 60 * number, f"evt_{number}", status=outcome)
        for number, outcome in enumerate(outcomes, start=1)
    ]
    return [created, *decisions]


@pytest.mark.django_db
def test_the_newest_decision_counts_in_any_order_of_arrival():
    for order in permutations(range(4)):
        with transaction.atomic():
            checkout = open_checkout()
            intent = checkout.payment_intent_id
            paid = event_body("payment_intent.succeeded", intent, amount_received=checkout.amount_cents)
            events = [paid, *history(checkout, "lost", "won", "lost")]
            for number in [0, *(each + 1 for each in order), 1 + order[0]]:
                if take_event(read_event(events[number])):
                    process(intent)
                book_orders(Order.objects.filter(checkout=checkout).values_list("pk", flat=True))

            dispute = Dispute.objects.get()
            assert (dispute.outcome, dispute.amount_cents, dispute.reason) == ("lost", 700, "general")
            assert (int(dispute.opened_at.timestamp()), int(dispute.closed_at.timestamp())) == (NOW, NOW + 180)
            taken = booked(dispute.order)
            assert taken.count("chargeback") - taken.count("chargeback_won") == 1
            assert balances(None)["processor_clearing"] == -300
            assert_books_balance()
            transaction.set_rollback(True)


@pytest.mark.django_db
def test_the_books_follow_each_decision():
    checkout = open_checkout()
    order = paid_order(checkout)
    run_due_jobs()
    before = balances(None)
    created, *decisions = history(checkout, "lost", "won", "lost", "lost", "won")
    post(created)

    held = []
    for decision in decisions:
        post(decision)
        run_due_jobs()
        held.append(balances(None)["processor_clearing"])
        assert_books_balance()

    assert held == [-300, -1_000, -300, -300, -1_000]
    assert balances(None) == before
    assert [kind for kind in booked(order) if kind.startswith("chargeback")] == [
        "chargeback", "chargeback_won", "chargeback", "chargeback_won",
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_decision_older_than_the_known_one_is_ignored_and_the_later_of_one_second_wins():
    checkout = open_checkout()
    paid_order(checkout)
    for at, outcome in ((10, "lost"), (5, "won"), (10, "warning_closed")):
        post(dispute_event(checkout, "closed", NOW + at, f"evt_{at}_{outcome}", status=outcome))
        run_due_jobs()

    assert Dispute.objects.get().outcome == "warning_closed"
