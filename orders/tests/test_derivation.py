"""The status of an order against what its items say: every mixture, any order of events, any race, at any size."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations_with_replacement
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.clock import placement
from orders.derivations import wrong_statuses
from orders.models import Order, OrderItem
from orders.services import derive_order_status, lock_order, transition_item
from orders.tests.factories import OrderFactory, OrderItemFactory, ProductFactory
from orders.tests.many_orders import many_orders
from trustengine.accounts.tests.factories import UserFactory, VendorFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidTransition
from trustengine.testing import at_once

MONDAY, TUESDAY = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 3, 9, tzinfo=UTC)
Status = tuple[str, datetime | None]


@dataclass(frozen=True)
class State:
    """An item as far as its order's status depends on it."""

    fulfilment: str
    refunded: bool = False
    delivered: datetime | None = None


def promised(items: Iterable[State]) -> Status:
    """What the contract says of an order with these items, sentence by sentence, without the database."""
    items = list(items)
    if items and all(item.fulfilment == "cancelled" for item in items):
        return "cancelled", None
    remaining = [item for item in items if item.fulfilment != "cancelled"]
    if remaining and all(item.refunded for item in remaining):
        return "refunded", None
    standing = [item for item in remaining if not item.refunded]
    if standing and all(item.fulfilment in {"delivered", "returned"} for item in standing):
        return "delivered", max((item.delivered for item in standing if item.delivered), default=None)
    if standing and all(item.fulfilment in {"shipped", "delivered", "returned"} for item in standing):
        return "shipped", None
    return "confirmed", None


UNDERIVED = [State(status, refunded) for status in OrderItem.Fulfilment.values for refunded in (False, True)]
DELIVERED = [
    State(status, refunded, delivered)
    for status in ("delivered", "returned")
    for refunded in (False, True)
    for delivered in (MONDAY, TUESDAY)
]
STATES = UNDERIVED + DELIVERED


def derived(mixtures: list[tuple[State, ...]]) -> list[Status]:
    """What PostgreSQL says of orders with these items."""
    product, customer = ProductFactory(), OrderFactory().customer
    orders = [Order(customer=customer, currency="EUR", **placement(timezone.now())) for _ in mixtures]
    Order.objects.bulk_create(orders)
    OrderItem.objects.bulk_create(
        OrderItem(
            order=order,
            product=product,
            vendor=product.vendor,
            day=order.day,
            tick=order.tick,
            quantity=1,
            unit_price_cents=1,
            fulfilment_status=item.fulfilment,
            delivered_at=item.delivered,
            refunded_at=TUESDAY if item.refunded else None,
        )
        for order, items in zip(orders, mixtures, strict=True)
        for item in items
    )
    rows = Order.objects.filter(pk__in=[order.pk for order in orders]).with_derived_status()
    found = {row.pk: (row.derived_status, row.derived_delivered_at) for row in rows}
    return [found[order.pk] for order in orders]


@pytest.mark.django_db
def test_every_mixture_of_up_to_three_items_gives_what_the_contract_says():
    mixtures = [mix for size in range(4) for mix in combinations_with_replacement(STATES, size)]
    assert len(mixtures) > 1_500

    wrong = [pair for pair in zip(mixtures, derived(mixtures), strict=True) if promised(pair[0]) != pair[1]]

    assert not wrong


@pytest.mark.django_db
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(STATES), min_size=4, max_size=12).map(tuple), min_size=10, max_size=40))
def test_larger_orders_do_too(mixtures):
    assert derived(mixtures) == [promised(items) for items in mixtures]


def order_at_vendors(*states: str) -> list[tuple[OrderItem, Callable[[str], object]]]:
    """Items of one order, each of a vendor of its own, and what moves each of them."""
    order = OrderFactory()
    found: list[tuple[OrderItem, Callable[[str], object]]] = []
    for state in states:
        owner = UserFactory()
        product = ProductFactory(vendor=VendorFactory(owner=owner))
        item = OrderItemFactory(order=order, product=product, fulfilment_status=state)

        def move(to: str, item: OrderItem = item, owner: object = owner) -> object:
            return transition_item(item.pk, to=to, actor=owner)

        found.append((item, move))
    return found


STEPS = st.tuples(st.integers(0, 2), st.sampled_from([*OrderItem.Fulfilment.values, "refund"]))


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=4, max_size=14))
def test_whatever_happens_in_whatever_order_the_status_agrees_after_every_step(steps):
    movers = order_at_vendors("pending", "processing", "shipped")
    order_id = movers[0][0].order_id
    for number, to in steps:
        item, move = movers[number]
        if to == "refund":
            OrderItem.objects.filter(pk=item.pk).update(refunded_at=timezone.now())
            derive_order_status(lock_order(order_id), because=item)
        else:
            try:
                move(to)
            except InvalidTransition:
                continue
        rows = OrderItem.objects.filter(order=order_id)
        items = [State(row.fulfilment_status, row.refunded_at is not None, row.delivered_at) for row in rows]
        order = Order.objects.get(pk=order_id)
        assert (order.status, order.delivered_at) == promised(items)


@pytest.mark.django_db(transaction=True)
def test_three_vendors_delivering_the_last_items_at_one_moment_leave_no_order_behind():
    """200 times, in lockstep: whoever comes last under the order's lock sees what the others committed."""
    times = 200
    owners = [UserFactory() for _ in range(3)]
    products = [ProductFactory(vendor=VendorFactory(owner=owner)) for owner in owners]
    customer = OrderFactory().customer
    orders = Order.objects.bulk_create(
        Order(customer=customer, currency="EUR", **placement(timezone.now()), status="shipped") for _ in range(times)
    )
    items: list[list[UUID]] = [[] for _ in owners]
    for order in orders:
        for number, product in enumerate(products):
            vendor = product.vendor
            row = OrderItem(order=order, product=product, vendor=vendor, day=order.day, tick=order.tick)
            row.quantity, row.unit_price_cents, row.fulfilment_status = 1, 1, "shipped"
            row.save()
            items[number].append(row.pk)
    together = threading.Barrier(len(owners), timeout=30)

    def deliver_all(number: int) -> None:
        for item in items[number]:
            together.wait()
            transition_item(item, to="delivered", actor=owners[number])

    outcomes = at_once(*[lambda number=number: deliver_all(number) for number in range(len(owners))])

    assert outcomes == [None] * 3
    ids = [order.pk for order in orders]
    assert Order.objects.filter(pk__in=ids, status="delivered").count() == times
    assert not wrong_statuses(ids)
    assert Entry.objects.filter(verb="order.status_derived").count() == times


@pytest.mark.django_db
def test_the_number_of_queries_of_a_step_does_not_grow_with_the_order(django_assert_max_num_queries):
    small = order_at_vendors("processing")
    large = order_at_vendors("processing", *["pending"] * 12)
    with django_assert_max_num_queries(30) as alone:
        small[0][1]("shipped")
    with django_assert_max_num_queries(len(alone)):
        large[0][1]("shipped")


@pytest.mark.django_db
def test_deriving_a_status_that_stands_is_one_query(django_assert_num_queries):
    order = order_at_vendors("pending", "pending")[0][0].order

    with django_assert_num_queries(1):
        assert not derive_order_status(order)


@pytest.mark.django_db(transaction=True)
def test_the_items_of_an_order_are_found_by_an_index_that_holds_all_that_is_read():
    one = many_orders(5_000)

    orders = Order.objects.with_derived_status().filter(pk=one)
    plan = orders.values_list("derived_status", "derived_delivered_at").explain()

    assert plan.count("Index Only Scan using item_of_order") == 2
    assert "Seq Scan" not in plan


@pytest.mark.django_db(transaction=True)
def test_stuck_orders_are_found_without_reading_those_that_are_not_open():
    one = many_orders(5_000)
    Order.objects.exclude(pk=one).update(status="delivered")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_order")

    plan = Order.objects.stuck().explain()

    assert "order_open" in plan
    assert "Seq Scan" not in plan
