"""Refunds by the payloads of each API version: exact on the items, whatever comes first, twice or too early."""

import random
from datetime import UTC, datetime

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from orders.models import Order, OrderItem, PaymentEvent, Refund, RefundLine
from orders.payments.events import read_event
from orders.services import refund_items, take_event
from orders.services.payments import process
from orders.tests import stripe_payloads as stripe
from orders.tests.factories import ProductFactory
from orders.tests.payment_factories import event_body, open_checkout, paid_order, post
from trustengine.audit.models import Entry
from trustengine.testing import run_due_jobs

NOW = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())
NEWEST = stripe.tested_versions()[-1]


def bought(*prices):
    """An open checkout of an item at each price, its payment, and the products in their order."""
    products = [ProductFactory(price_cents=price, stock=10) for price in prices]
    return open_checkout(bought=dict.fromkeys(products, 1)), products


def ordered(*prices):
    checkout, products = bought(*prices)
    order = paid_order(checkout)
    by_product = {item.product_id: str(item.pk) for item in order.items.all()}
    return checkout, order, [by_product[product.pk] for product in products]


def refunded(ids):
    found = {str(item.pk): item.refunded_cents for item in OrderItem.objects.filter(pk__in=ids)}
    return [found[item] for item in ids]


def tell_all(*events):
    for event in events:
        assert post(event).status_code == 200
        run_due_jobs()


def feed(intent, *events):
    """As webhook and job do, in this transaction."""
    for event in events:
        if take_event(read_event(event)):
            process(intent)


def naming(*ids):
    return {"metadata": {"order_item_ids": ",".join(ids)}}


@pytest.mark.django_db
@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("version", stripe.tested_versions())
def test_each_version_tells_which_items_were_refunded(version, is_reversed):
    checkout, _, ids = ordered(1_250, 840)
    intent = checkout.payment_intent_id
    refunds = [
        stripe.refund(intent, 1, 840, NOW, **naming(ids[1])),
        stripe.refund(intent, 2, 300, NOW + 9, **naming(ids[0])),
    ]
    events = stripe.told_of_refunds(version, intent, refunds)

    feed(intent, *(events[::-1] if is_reversed else events))

    assert refunded(ids) == [300, 840]
    assert not Refund.objects.filter(is_estimate=True).exists()
    assert set(PaymentEvent.objects.values_list("state", flat=True)) == {"processed"}
    reported = Refund.objects.order_by("provider_refund_id").values_list("provider_refund_id", "amount_cents", "state")
    assert list(reported) == [("re_1", 840, "succeeded"), ("re_2", 300, "succeeded")]


def test_the_tested_versions_are_the_librarys_and_stand_in_the_docs(settings):
    from stripe import api_version

    text = (settings.BASE_DIR / "docs" / "orders.md").read_text()

    assert api_version == NEWEST
    assert f"{stripe.OLDEST_TESTED} to {NEWEST}" in text
    assert stripe.OLDEST_TESTED in stripe.tested_versions()


@pytest.mark.django_db
def test_a_total_before_its_facts_is_an_estimate_that_they_replace():
    checkout, _, ids = ordered(1_000, 690)
    intent = checkout.payment_intent_id
    tell_all(stripe.event(NEWEST, "charge.refunded", NOW + 1, 1, stripe.charge(intent, 1_000)))
    assert refunded(ids) == [592, 408]
    assert Refund.objects.get().is_estimate

    tell_all(stripe.event(NEWEST, "refund.created", NOW, 1, stripe.refund(intent, 1, 1_000, NOW, **naming(ids[0]))))

    assert refunded(ids) == [1_000, 0]
    assert [refund.provider_refund_id for refund in Refund.objects.all()] == ["re_1"]
    first, second = (OrderItem.objects.get(pk=each) for each in ids)
    assert first.refunded_at
    assert second.refunded_at is None
    assert Entry.objects.filter(verb="order_item.refund_reversed", object_id=ids[1]).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_list_of_refunds_without_a_total_is_all_that_has_gone_back(is_reversed):
    checkout, _, ids = ordered(1_000, 690)
    intent = checkout.payment_intent_id
    listed = [
        stripe.refund(intent, 2, 200, NOW + 5, **naming(ids[1])),
        stripe.refund(intent, 1, 300, NOW, **naming(ids[0])),
    ]
    events = [
        stripe.event(stripe.LISTING, "charge.refunded", NOW, 1, stripe.charge(intent, None, listed[1:])),
        stripe.event(stripe.LISTING, "charge.refunded", NOW + 5, 2, stripe.charge(intent, None, listed)),
    ]

    feed(intent, *(events[::-1] if is_reversed else events))

    assert refunded(ids) == [300, 200]


@pytest.mark.django_db
def test_a_total_that_says_all_refunds_all_at_once():
    checkout, order, ids = ordered(1_000, 690)
    tell_all(stripe.event(NEWEST, "charge.refunded", NOW, 1, stripe.charge(checkout.payment_intent_id, 1_690)))

    order.refresh_from_db()
    assert (refunded(ids), order.status) == ([1_000, 690], "refunded")


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["pending", "requires_action"])
@pytest.mark.parametrize(("then", "counted"), [("succeeded", 700), ("failed", 0), ("canceled", 0)])
def test_a_refund_counts_once_it_has_succeeded(status, then, counted):
    checkout, _, ids = ordered(1_000, 690)
    intent = checkout.payment_intent_id
    about = stripe.refund(intent, 1, 700, NOW, **naming(ids[0]))
    tell_all(
        stripe.event(NEWEST, "refund.created", NOW, 1, about | {"status": status}),
        stripe.event(NEWEST, "charge.refunded", NOW, 1, stripe.charge(intent, 700)),
    )
    assert (refunded(ids), Refund.objects.get().state) == ([0, 0], "sent")

    tell_all(stripe.event(NEWEST, "refund.updated", NOW + 5, 1, about | {"status": then}))

    assert refunded(ids) == [counted, 0]


@pytest.mark.django_db
@pytest.mark.parametrize("type_", ["refund.failed", "refund.updated", "charge.refund.updated"])
def test_a_refund_that_fails_later_is_taken_back(type_):
    checkout, order, ids = ordered(1_000, 690)
    intent = checkout.payment_intent_id
    about = stripe.refund(intent, 1, 1_690, NOW)
    tell_all(
        stripe.event(NEWEST, "refund.created", NOW, 1, about),
        stripe.event(NEWEST, "charge.refunded", NOW, 1, stripe.charge(intent, 1_690)),
    )
    order.refresh_from_db()
    assert order.status == "refunded"

    failed = about | {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    tell_all(stripe.event(NEWEST, type_, NOW + 90, 2, failed))

    order.refresh_from_db()
    refund = Refund.objects.get()
    assert (refunded(ids), order.status) == ([0, 0], "confirmed")
    assert (refund.state, refund.failure) == ("failed", "expired_or_canceled_card")
    assert not OrderItem.objects.exclude(refunded_at=None).exists()
    assert "still owed" in PaymentEvent.objects.get(type=type_).outcome
    assert refund_items(order, list(order.items.all()), reason=Refund.Reason.OPERATOR)  # so it can be asked for again


@pytest.mark.django_db
def test_ours_that_fails_after_it_succeeded_is_taken_back():
    checkout, order, ids = ordered(1_000, 690)
    refund = refund_items(order, list(order.items.filter(pk=ids[1])), reason=Refund.Reason.OPERATOR)
    run_due_jobs()
    assert refunded(ids) == [0, 690]
    refund.refresh_from_db()

    about = stripe.refund(checkout.payment_intent_id, 1, 690, NOW, id=refund.provider_refund_id, status="failed")
    tell_all(stripe.event(NEWEST, "refund.failed", NOW, 1, about))

    refund.refresh_from_db()
    assert (refund.state, refunded(ids)) == ("failed", [0, 0])


@pytest.mark.django_db
def test_a_total_told_before_ours_was_sent_does_not_have_it():
    checkout, order, ids = ordered(1_000, 690)
    intent = checkout.payment_intent_id
    tell_all(stripe.event(NEWEST, "charge.refunded", NOW, 1, stripe.charge(intent, 500, **naming(ids[0]))))
    refund_items(order, list(order.items.filter(pk=ids[1])), reason=Refund.Reason.OPERATOR)
    run_due_jobs()
    assert refunded(ids) == [500, 690]

    tell_all(stripe.event(NEWEST, "charge.refunded", NOW, 2, stripe.charge(intent, 1_190)))
    assert refunded(ids) == [500, 690]
    tell_all(stripe.event(NEWEST, "refund.created", NOW, 3, stripe.refund(intent, 1, 500, NOW, **naming(ids[0]))))
    assert refunded(ids) == [500, 690]
    assert not Refund.objects.filter(is_estimate=True).exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("status", "counted"), [("succeeded", [300, 200]), ("failed", [0, 0])])
def test_a_refund_that_an_earlier_version_counted_without_its_name_is_known_by_its_amount(status, counted):
    checkout, order, ids = ordered(1_000, 690)
    former = Refund.objects.create(
        order=order, amount_cents=500, currency="EUR", reason="reported", state="succeeded", provider="local",
        payment_intent_id=checkout.payment_intent_id, settled_at=order.placed_at,
    )  # fmt: skip
    for item, cents in zip(ids, (300, 200), strict=True):
        RefundLine.objects.create(refund=former, item_id=item, amount_cents=cents, counted_cents=cents)
        OrderItem.objects.filter(pk=item).update(refunded_cents=cents)

    about = stripe.refund(checkout.payment_intent_id, 1, 500, NOW, status=status)
    tell_all(stripe.event(NEWEST, "refund.updated", NOW, 1, about))

    assert refunded(ids) == counted
    assert Refund.objects.get().provider_refund_id == "re_1"


@pytest.mark.django_db
def test_a_refund_without_order_is_due_again_when_it_fails():
    checkout = open_checkout(bought={ProductFactory(price_cents=900, stock=1): 1})
    post(event_body("payment_intent.succeeded", checkout.payment_intent_id, amount_received=899))
    run_due_jobs()
    halves = [stripe.refund(checkout.payment_intent_id, n, cents, NOW + n) for n, cents in ((1, 400), (2, 499))]

    states = []
    for number, (type_, half, status) in enumerate(
        [("created", 0, "succeeded"), ("created", 1, "succeeded"), ("failed", 0, "failed"), ("created", 0, "succeeded")]
    ):
        about = halves[half] | {"status": status}
        tell_all(stripe.event(NEWEST, f"refund.{type_}", NOW + number, number, about))
        checkout.refresh_from_db()
        states.append(checkout.state)

    assert states == ["refund_due", "refunded", "refund_due", "refund_due"]


@pytest.mark.django_db
def test_a_refund_of_another_payment_stands_out_and_moves_nothing():
    checkout, _, ids = ordered(1_000)
    other, _, other_ids = ordered(500)
    no_amount = stripe.refund(other.payment_intent_id, 2, 100, NOW) | {"amount": None}
    tell_all(
        stripe.event(NEWEST, "refund.created", NOW, 1, stripe.refund(checkout.payment_intent_id, 1, 100, NOW)),
        stripe.event(NEWEST, "refund.created", NOW, 2, stripe.refund(other.payment_intent_id, 1, 100, NOW)),
        stripe.event(NEWEST, "refund.created", NOW, 3, no_amount),
    )

    assert (refunded(ids), refunded(other_ids)) == ([100], [0])
    assert list(PaymentEvent.objects.filter(state="failed").values_list("pk", flat=True).order_by("pk")) == [
        "evt_refund.created_2",
        "evt_refund.created_3",
    ]


def outcome(order):
    items = order.items.order_by("product__price_cents").values_list("refunded_cents", "fulfilment_status")
    order.refresh_from_db()
    lines = RefundLine.objects.filter(refund__order=order).order_by(
        "refund__provider_refund_id", "item__product__price_cents"
    )
    counted = lines.exclude(counted_cents=0).values_list("refund__provider_refund_id", "counted_cents")
    return list(items), order.status, list(counted)


QUICK = tuned(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def play(make_events, *, shuffled):
    """What a history comes to, told of an order of its own, and taken back; ``shuffled`` with repeats."""
    with transaction.atomic():
        checkout, products = bought(400, 700, 1_001)
        intent = checkout.payment_intent_id
        feed(intent, event_body("payment_intent.succeeded", intent, "evt_paid", amount_received=2_101))
        order = Order.objects.get(checkout=checkout)
        items = {item.product_id: str(item.pk) for item in order.items.all()}
        events = make_events(intent, [items[product.pk] for product in products])
        if shuffled:
            shuffled.shuffle(events)
            events += shuffled.sample(events, len(events) // 2)
        feed(intent, *events)
        end = outcome(order)
        transaction.set_rollback(True)
    return end


@pytest.mark.django_db
@QUICK
@given(parts=stripe.PARTS, seed=st.integers(0, 10**6))
def test_refunds_come_to_the_same_whatever_the_order_of_arrival(parts, seed):
    def make(intent, ids):
        return stripe.histories(intent, ids, parts)

    in_turn = play(make, shuffled=None)

    assert play(make, shuffled=random.Random(seed)) == in_turn
    succeeded = sum(cents for cents, _, ends in parts if ends == "succeeded")
    assert sum(cents for cents, _ in in_turn[0]) == min(2_101, succeeded)


@pytest.mark.django_db
@QUICK
@given(parts=stripe.PARTS, seed=st.integers(0, 10**6))
def test_refunds_that_come_before_the_payment_or_the_checkout_count_as_well(parts, seed):
    ends = []
    for early in (False, True):
        with transaction.atomic():
            intent = f"pi_{seed}_{early}"
            products = [ProductFactory(price_cents=price, stock=10) for price in (400, 700, 1_001)]
            paid = event_body("payment_intent.succeeded", intent, "evt_paid", amount_received=2_101)
            events = stripe.histories(intent, [], [(cents, set(), end) for cents, _, end in parts])
            if early:
                random.Random(seed).shuffle(events)
                feed(intent, *events[::2])
            open_checkout(bought=dict.fromkeys(products, 1), payment_intent_id=intent)
            if early:
                process(intent)
                feed(intent, *events[1::2])
            feed(intent, paid)
            if not early:
                feed(intent, *events)
            ends.append(outcome(Order.objects.get()))
            transaction.set_rollback(True)

    assert ends[0] == ends[1]
