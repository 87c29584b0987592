"""Many at once for few pieces: nobody is sold what is not there, and nobody waits in a ring."""

import random
from collections import Counter, deque
from contextlib import suppress
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.errors import OutOfStock
from orders.jobs import expire_checkouts
from orders.models import CartItem, Checkout, CheckoutLine, Product
from orders.services import Started, close_if_overdue, start_checkout, stock, update_product
from orders.tests.checkout_factories import (
    assert_reserved_is_what_checkouts_hold,
    cart,
    checked_out,
    stock_of,
)
from orders.tests.factories import ProductFactory
from trustengine.accounts.models import Membership, Profile, User
from trustengine.accounts.tests.factories import MembershipFactory
from trustengine.errors import DomainError
from trustengine.identifiers import uuid7
from trustengine.testing import at_once

CONNECTIONS = 24


def customers(count: int) -> list[User]:
    """Many customers in few statements."""
    users = User.objects.bulk_create(User(id=(key := uuid7()), subject=str(key)) for _ in range(count))
    profiles = Profile.objects.bulk_create(Profile(kind=Profile.Kind.CUSTOMER, user=user) for user in users)
    Membership.objects.bulk_create(
        Membership(user=user, profile=profile, role="owner") for user, profile in zip(users, profiles, strict=True)
    )
    return users


def through_a_pool(calls):
    """All calls through so many connections; what each returned or raised, of what may be raised."""
    waiting, outcomes = deque(calls), []

    def attempt():
        with suppress(IndexError):
            while call := waiting.popleft():
                try:
                    outcomes.append(call())
                except DomainError as error:
                    outcomes.append(error)

    assert at_once(*[attempt] * CONNECTIONS) == [None] * CONNECTIONS
    return outcomes


def pay(checkout_id):
    """What a payment does to the stock; True if it came before the end."""
    with transaction.atomic():
        checkout = Checkout.objects.select_for_update(of=("self",), no_key=True).get(pk=checkout_id)
        if checkout.state != Checkout.State.OPEN:
            return False
        stock.sell(checkout)
        checkout.state = Checkout.State.REFUND_DUE  # any end but expiry; an order is not at issue here
        checkout.save(update_fields=["state"])
        return True


@pytest.mark.django_db(transaction=True)
def test_of_500_who_want_one_of_100_pieces_100_get_one():
    product = ProductFactory(stock=100)
    buyers = customers(500)
    CartItem.objects.bulk_create(
        CartItem(customer=user.customer_profile, product=product, quantity=1) for user in buyers
    )

    outcomes = through_a_pool([partial(start_checkout, actor=user) for user in buyers])

    assert Counter(type(one) for one in outcomes) == {Started: 100, OutOfStock: 400}
    assert stock_of(product) == (100, 100)
    assert Checkout.objects.filter(state="open").count() == CheckoutLine.objects.filter(held=1).count() == 100


@pytest.mark.django_db(transaction=True)
def test_carts_filled_in_any_order_never_wait_for_one_another_in_a_ring():
    products = [ProductFactory(stock=1_000) for _ in range(4)]
    buyers = [cart(*random.sample(products, 3)) for _ in range(60)]
    start = [partial(start_checkout, actor=buyer) for buyer in buyers]

    first = through_a_pool(start)
    for buyer in buyers:  # other products than those that the former checkout holds
        CartItem.objects.filter(customer__user=buyer).delete()
        cart(*random.sample(products, 2), buyer=buyer)
    second = through_a_pool(start)

    assert {type(one) for one in first + second} == {Started}
    assert Checkout.objects.filter(state="open").count() == 60
    assert_reserved_is_what_checkouts_hold()


@pytest.mark.django_db(transaction=True)
def test_one_customers_parallel_checkouts_leave_one_open():
    product = ProductFactory(stock=3)
    buyer = cart(product, quantity=2)

    outcomes = at_once(*[partial(start_checkout, actor=buyer)] * 6)

    assert {type(one) for one in outcomes} == {Started}
    assert Checkout.objects.filter(state="open").count() == 1
    assert stock_of(product) == (3, 2)
    assert_reserved_is_what_checkouts_hold()


@pytest.mark.django_db(transaction=True)
def test_an_end_and_a_payment_at_one_moment_settle_the_stock_once():
    for _ in range(6):
        product = ProductFactory(stock=5)
        checkout = checked_out(product, quantity=2).checkout
        Checkout.objects.filter(pk=checkout.pk).update(expires_at=timezone.now())

        paid, *ended = at_once(
            partial(pay, checkout.pk), partial(close_if_overdue, checkout.pk), expire_checkouts, expire_checkouts
        )

        assert [bool(paid), *map(bool, ended)].count(True) == 1
        assert stock_of(product) == ((3, 0) if paid else (5, 0))


@pytest.mark.django_db(transaction=True)
def test_a_vendor_who_counts_while_people_buy_oversells_nothing():
    member = MembershipFactory(role=Membership.Role.OWNER)
    product = ProductFactory(vendor=member.profile, stock=8)
    buyers = [cart(product) for _ in range(8)]

    outcomes = at_once(
        *[partial(start_checkout, actor=buyer) for buyer in buyers],
        *[partial(update_product, product.pk, actor=member.user, changes={"stock": 4})] * 3,
    )

    bought = [one for one in outcomes if isinstance(one, Started)]
    on_hand, reserved = stock_of(product)
    assert reserved == len(bought) <= on_hand
    assert all(isinstance(one, Started | Product | DomainError) for one in outcomes)


STEPS = st.lists(
    st.tuples(st.sampled_from(["buy", "pay", "end", "restock", "count"]), st.integers(0, 2), st.integers(1, 6)),
    max_size=12,
)


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(steps=STEPS, at_first=st.lists(st.integers(0, 8) | st.none(), min_size=3, max_size=3))
def test_whatever_happens_reserved_is_what_is_held_and_nothing_is_oversold(steps, at_first):
    with transaction.atomic():
        member = MembershipFactory(role=Membership.Role.OWNER)
        products = [ProductFactory(stock=pieces, vendor=member.profile) for pieces in at_first]
        for verb, number, quantity in steps:
            product, oldest = products[number], Checkout.objects.filter(state="open").first()
            try:
                if verb == "buy":
                    checked_out(product, products[(number + 1) % 3], quantity=quantity)
                elif verb == "pay" and oldest:
                    pay(oldest.pk)
                elif verb == "end" and oldest:
                    Checkout.objects.filter(pk=oldest.pk).update(expires_at=timezone.now())
                    close_if_overdue(oldest.pk)
                elif verb == "restock":
                    stock.restock({product.pk: quantity})
                elif verb == "count":
                    update_product(product.pk, actor=member.user, changes={"stock": quantity})
            except DomainError:
                pass
            assert_reserved_is_what_checkouts_hold()
        transaction.set_rollback(True)
