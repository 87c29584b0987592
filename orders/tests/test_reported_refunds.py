"""Refunds that the provider reports: exact to the cent, and never counted twice."""

import json
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.models import OrderItem, Refund
from orders.services import refund_items
from orders.tests.factories import ProductFactory
from orders.tests.payment_factories import event_body, open_checkout, paid_order, post, tell
from trustengine.audit.models import Entry
from trustengine.database_time import database_now
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for, at_once, run_due_jobs

REFUNDED = "charge.refunded"


def bought(*prices):
    """A paid order with an item at each price, its checkout, and its items in the order of the prices."""
    products = [ProductFactory(price_cents=price, stock=10) for price in prices]
    checkout = open_checkout(bought=dict.fromkeys(products, 1))
    order = paid_order(checkout)
    by_product = {item.product_id: item for item in order.items.all()}
    return checkout, order, [by_product[product.pk] for product in products]


def refunded(items):
    return [item.refunded_cents for item in fresh(items)]


def fresh(items):
    found = OrderItem.objects.in_bulk([item.pk for item in items])
    return [found[item.pk] for item in items]


def status(order):
    order.refresh_from_db()
    return order.status


@pytest.mark.django_db
def test_the_full_amount_refunds_every_item_and_the_order(django_assert_num_queries):
    checkout, order, items = bought(1_000, 250)

    event = tell(REFUNDED, checkout, amount=1_250, amount_refunded=1_250, refunded=True)

    assert refunded(items) == [1_000, 250]
    assert all(item.refunded_at for item in fresh(items))
    assert status(order) == "refunded"
    assert (event.state, event.order) == ("processed", order)
    refund = Refund.objects.get()
    assert (refund.order, refund.amount_cents, refund.state, refund.reason) == (order, 1_250, "succeeded", "reported")
    for verb, about in (
        ("order.status_derived", order),
        ("order_item.refunded", items[0]),
        ("refund.reported", refund),
    ):
        assert Entry.objects.filter(verb=verb, object_id=str(about.pk)).count() == 1, verb


@pytest.mark.django_db
@pytest.mark.parametrize("spell", [json.dumps, ",".join, lambda ids: ids, lambda ids: [i.upper() for i in ids]])
@pytest.mark.parametrize("place", ["charge", "refund"])
def test_named_items_are_refunded_however_they_are_named(spell, place):
    checkout, order, items = bought(1_000, 250, 400)
    metadata = {"order_item_ids": spell([str(items[1].pk), str(items[2].pk)])}
    older = {"id": "re_0", "created": 5, "metadata": {"order_item_ids": str(items[0].pk)}}
    newest = {"id": "re_1", "created": 10, "metadata": metadata}
    about = {"metadata": metadata} if place == "charge" else {"refunds": {"data": [older, newest]}}

    tell(REFUNDED, checkout, amount_refunded=650, **about)

    assert refunded(items) == [0, 250, 400]
    assert [bool(item.refunded_at) for item in fresh(items)] == [False, True, True]
    assert status(order) == "confirmed"


@pytest.mark.django_db
def test_without_an_amount_the_whole_price_of_named_items_or_of_all_has_gone_back():
    checkout, order, items = bought(1_000, 250)

    tell(REFUNDED, checkout, metadata={"order_item_ids": str(items[0].pk)})
    assert refunded(items) == [1_000, 0]
    tell(REFUNDED, checkout)
    assert (refunded(items), status(order)) == ([1_000, 250], "refunded")
    assert "nothing is new" in tell(REFUNDED, checkout).outcome


@pytest.mark.django_db
def test_a_partial_amount_is_shared_pro_rata_and_the_remainder_goes_to_the_largest():
    checkout, order, items = bought(1_000, 1_000, 1_000)

    tell(REFUNDED, checkout, amount_refunded=100)

    assert sorted(refunded(items)) == [33, 33, 34]
    assert not any(item.refunded_at for item in fresh(items))
    assert status(order) == "confirmed"
    shown = api_client_for(order.customer.user).get(f"/api/v1/orders/{order.pk}/").json()["items"]
    assert sorted(item["refunded_cents"] for item in shown) == [33, 33, 34]


@pytest.mark.django_db
def test_named_items_share_less_than_their_price_and_what_exceeds_it_goes_to_the_others():
    checkout, _, items = bought(1_000, 500, 2_000)
    named = {"order_item_ids": [str(items[0].pk), str(items[1].pk)]}

    tell(REFUNDED, checkout, amount_refunded=300, metadata=named)
    assert refunded(items) == [200, 100, 0]
    tell(REFUNDED, checkout, amount_refunded=1_700, metadata=named)
    assert refunded(items) == [1_000, 500, 200]


@pytest.mark.django_db
def test_the_amount_is_a_total_so_repeats_and_disorder_count_nothing_twice():
    checkout, _, items = bought(1_000, 1_000)

    for total, counted in ((300, 300), (300, 300), (900, 900), (500, 900), (2_000, 2_000), (2_500, 2_000)):
        tell(REFUNDED, checkout, amount_refunded=total)
        assert sum(refunded(items)) == counted


@pytest.mark.django_db
def test_items_of_other_orders_and_nonsense_are_ignored_but_told():
    checkout, _, items = bought(1_000, 1_000)
    _, _, [foreign] = bought(500)

    event = tell(
        REFUNDED, checkout, amount_refunded=1_000, metadata={"order_item_ids": f"{items[0].pk},{foreign.pk},nonsense"}
    )

    assert (refunded(items), refunded([foreign])) == ([1_000, 0], [0])
    assert "2 named items are not of this order" in event.outcome


@pytest.mark.django_db
@pytest.mark.parametrize(
    "about",
    [
        {"metadata": {"order_item_ids": "["}},
        {"metadata": {"order_item_ids": "[" * 9_000}},
        {"metadata": {"order_item_ids": [7, None, {}]}},
        {"metadata": "text"},
        {"metadata": {"order_item_ids": 7}},
        {"refunds": {"data": [7, None, {"metadata": 5, "created": "x", "id": 9}]}},
        {"refunds": "many"},
    ],
)
def test_metadata_of_any_shape_is_taken_for_none(about):
    checkout, _, items = bought(1_000)

    event = tell(REFUNDED, checkout, amount_refunded=100, **about)

    assert (event.state, refunded(items)) == ("processed", [100])


@pytest.mark.django_db
def test_free_items_are_refunded_with_the_rest():
    checkout, order, items = bought(1_000, 0)

    tell(REFUNDED, checkout, amount_refunded=1_000)

    assert all(item.refunded_at for item in fresh(items))
    assert status(order) == "refunded"


@pytest.mark.django_db
def test_our_own_refund_echoed_by_the_provider_counts_once():
    checkout, order, items = bought(1_000, 500)
    refund_items(order, [items[0]], reason=Refund.Reason.OPERATOR)
    run_due_jobs()
    assert refunded(items) == [1_000, 0]

    echo = tell(REFUNDED, checkout, amount_refunded=1_000)

    assert refunded(items) == [1_000, 0]
    assert "nothing is new" in echo.outcome
    assert Refund.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("named", [True, False])
def test_a_total_that_has_ours_before_its_job_ends_counts_nothing_twice(named):
    checkout, order, items = bought(1_000, 500)
    refund = refund_items(order, [items[1]], reason=Refund.Reason.OPERATOR)
    Job.objects.filter(kind="orders.send_refunds").update(state="done")  # as if still under way
    Refund.objects.update(state="sent", sent_at=database_now())
    tell(REFUNDED, checkout, amount_refunded=500, metadata={"order_item_ids": str(items[1].pk)} if named else {})
    assert refunded(items) == [0, 0]  # only its own facts, or its job, say that it has gone through

    Job.objects.filter(kind="orders.send_refunds").update(state="ready")
    run_due_jobs()
    refund.refresh_from_db()
    assert (refund.state, refunded(items)) == ("succeeded", [0, 500])
    assert Refund.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("type_", ["refund.created", "refund.updated", "charge.refund.updated"])
def test_ours_is_settled_by_its_facts_before_its_own_job_ends(type_):
    checkout, order, items = bought(1_000, 500)
    refund = refund_items(order, [items[1]], reason=Refund.Reason.OPERATOR)
    Job.objects.filter(kind="orders.send_refunds").update(state="done")
    tell(type_, checkout, id="re_7", amount=500, status="succeeded", metadata={"refund": str(refund.pk)})
    assert refunded(items) == [0, 500]

    Job.objects.filter(kind="orders.send_refunds").update(state="ready")
    run_due_jobs()
    tell(REFUNDED, checkout, amount_refunded=500)
    refund.refresh_from_db()
    assert (refund.state, refund.provider_refund_id, refunded(items)) == ("succeeded", "re_7", [0, 500])
    assert Refund.objects.count() == 1


@pytest.mark.django_db
def test_a_refund_from_elsewhere_while_ours_is_under_way_is_told_apart_by_its_items():
    checkout, order, items = bought(1_000, 500)
    refund_items(order, [items[1]], reason=Refund.Reason.OPERATOR)
    ours = Job.objects.filter(kind="orders.send_refunds")
    ours.update(state="done")
    tell(REFUNDED, checkout, amount_refunded=1_000, metadata={"order_item_ids": str(items[0].pk)})
    assert refunded(items) == [1_000, 0]

    ours.update(state="ready")
    run_due_jobs()
    tell(REFUNDED, checkout, amount_refunded=1_500)
    assert refunded(items) == [1_000, 500]
    assert sum(Refund.objects.values_list("amount_cents", flat=True)) == 1_500


@pytest.mark.django_db
def test_ours_that_no_longer_fits_its_item_is_counted_on_what_is_left():
    checkout, order, items = bought(1_000, 500)
    refund_items(order, [items[0]], reason=Refund.Reason.OPERATOR)
    ours = Job.objects.filter(kind="orders.send_refunds")
    ours.update(state="done")
    tell(REFUNDED, checkout, amount_refunded=300, metadata={"order_item_ids": str(items[0].pk)})
    ours.update(state="ready")
    run_due_jobs()

    assert refunded(items) == [1_000, 300]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(totals=st.lists(st.integers(0, 4_000), min_size=1, max_size=5), data=st.data())
@pytest.mark.django_db
def test_whatever_is_told_in_whatever_order_the_items_come_to_the_highest_total(totals, data):
    checkout, _, items = bought(999, 1, 1_500)
    for total in totals:
        named = data.draw(st.lists(st.sampled_from([str(item.pk) for item in items]), max_size=3))
        tell(REFUNDED, checkout, amount_refunded=total, metadata={"order_item_ids": named})

        assert all(i.refunded_cents <= i.price_cents for i in fresh(items))
        assert all((i.refunded_at is not None) == (i.refunded_cents == i.price_cents) for i in fresh(items))
    assert sum(refunded(items)) == min(2_500, max(totals))


@pytest.mark.django_db
@pytest.mark.parametrize(("status_", "state"), [("succeeded", "succeeded"), ("failed", "failed")])
def test_a_refund_that_the_provider_has_not_finished_is_settled_by_its_event(monkeypatch, status_, state):
    from orders.payments import ProviderRefund
    from orders.payments.local import LocalProvider

    monkeypatch.setattr(LocalProvider, "refund", lambda self, **about: ProviderRefund("re_slow", succeeded=False))
    checkout, order, items = bought(1_000)
    refund = refund_items(order, items, reason=Refund.Reason.OPERATOR)
    run_due_jobs()
    refund.refresh_from_db()
    assert (refund.state, refund.provider_refund_id, refunded(items)) == ("sent", "re_slow", [0])

    tell("refund.updated", checkout, id="re_slow", status=status_, failure_reason="lost_or_stolen_card")

    refund.refresh_from_db()
    assert refund.state == state
    assert refunded(items) == ([1_000] if state == "succeeded" else [0])
    again = refund_items(order, fresh(items), reason=Refund.Reason.OPERATOR)
    assert (again is None) == (state == "succeeded")


@pytest.mark.django_db(transaction=True)
def test_refund_events_and_our_own_refunds_at_once_are_exact():
    checkout, order, items = bought(1_000, 500, 250)
    for total in (250, 700, 1_750, 1_750):
        post(event_body(REFUNDED, checkout.payment_intent_id, amount_refunded=total))
    refund_items(order, [items[2]], reason=Refund.Reason.OPERATOR)

    at_once(*[partial(run_due_jobs, failing=True)] * 4)
    run_due_jobs()

    assert refunded(items) == [1_000, 500, 250]
    assert status(order) == "refunded"


@pytest.mark.django_db
def test_a_refund_has_the_day_of_the_order_summed_up_anew_and_not_today(monkeypatch):
    told = []
    monkeypatch.setattr("orders.services.days.publish_many", lambda event, payloads: told.extend(payloads))
    checkout, order, _ = bought(1_000)
    placed = order.day - timedelta(days=40)
    type(order).objects.filter(pk=order.pk).update(day=placed)
    told.clear()

    tell(REFUNDED, checkout, amount_refunded=1_000)

    assert {payload["day"] for payload in told} == {placed}
