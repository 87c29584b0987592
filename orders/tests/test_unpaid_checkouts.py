"""Stock that is held without a payment: renewed without end, or by many accounts at one address."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from orders.models import Checkout
from orders.services import put_in_cart, start_checkout
from orders.services.checkout import close_if_overdue
from orders.services.unpaid import forget_addresses
from orders.tests.checkout_factories import assert_reserved_is_what_checkouts_hold, cart, stock_of
from orders.tests.factories import ProductFactory
from trustengine.accounts.tests.factories import UserFactory
from trustengine.errors import RateLimitExceeded
from trustengine.origins import Origin
from trustengine.testing import api_client_for, at_once

pytestmark = pytest.mark.django_db

URL = "/api/v1/checkout/"


def let_all_end():
    """All checkouts end unpaid, each with those that it renewed."""
    for checkout in Checkout.objects.filter(state="open"):
        past = checkout.expires_at - timedelta(hours=1)
        Checkout.objects.filter(expires_at=checkout.expires_at).update(expires_at=past)
        close_if_overdue(checkout.pk)


def test_a_renewal_never_extends_the_first_expiry():
    product, other = ProductFactory(stock=10), ProductFactory(stock=10)
    buyer = cart(product, quantity=3)
    first = start_checkout(actor=buyer).checkout

    for quantity in (5, 10, 1):
        put_in_cart(other.pk, quantity=quantity, actor=buyer)
        renewed = start_checkout(actor=buyer).checkout
        assert renewed.expires_at == first.expires_at
    assert stock_of(product) == (10, 3)
    assert_reserved_is_what_checkouts_hold()


def test_once_it_has_ended_another_one_has_its_full_time(settings):
    buyer = cart(ProductFactory(stock=10))
    first = start_checkout(actor=buyer).checkout
    Checkout.objects.filter(pk=first.pk).update(expires_at=timezone.now() - timedelta(seconds=1))  # not swept yet

    again = start_checkout(actor=buyer).checkout

    left = again.expires_at - timezone.now()
    assert left > timedelta(minutes=settings.CHECKOUT_MINUTES - 1)


def test_unpaid_checkouts_are_bounded_per_customer_and_day(settings):
    settings.UNPAID_CHECKOUTS_PER_DAY = 2
    product = ProductFactory(stock=20)
    buyer = cart(product, quantity=10)
    client = api_client_for(buyer)
    for _ in range(2):
        assert client.post(URL).status_code == 201
        assert client.post(URL).status_code == 201, "a renewal is not another one"
        let_all_end()

    refused = client.post(URL)

    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert 86_000 < int(refused["Retry-After"]) <= 86_400
    assert stock_of(product) == (20, 0), "nothing is held by what was refused"
    assert api_client_for(cart(product)).post(URL).status_code == 201

    Checkout.objects.filter(customer=buyer.customer_profile).update(created_at=timezone.now() - timedelta(days=1))
    assert client.post(URL).status_code == 201


@pytest.mark.parametrize("state", ["expired", "failed", "open"])
def test_whatever_ended_it_counts_as_unpaid(settings, state):
    settings.UNPAID_CHECKOUTS_PER_DAY = 1
    buyer = cart(ProductFactory(stock=10))
    first = start_checkout(actor=buyer).checkout
    past = timezone.now() - timedelta(seconds=1)
    Checkout.objects.filter(pk=first.pk).update(state=state, expires_at=past)

    with pytest.raises(RateLimitExceeded):
        start_checkout(actor=buyer)


def test_unpaid_checkouts_are_bounded_per_address_and_day(settings):
    settings.UNPAID_CHECKOUTS_PER_ADDRESS = 3
    product = ProductFactory(stock=100)

    def buy(address):
        return api_client_for(cart(product)).post(URL, REMOTE_ADDR=address).status_code

    statuses = [buy(f"2001:db8:7:7::{number:x}") for number in range(1, 5)]

    assert statuses == [201, 201, 201, 429]
    assert buy("2001:db8:7:8::1") == 201
    assert [buy("127.0.0.1") for _ in range(4)] == [201] * 4, "a proxy that nobody has named is no address"


def test_paid_checkouts_do_not_count(settings):
    settings.UNPAID_CHECKOUTS_PER_DAY = settings.UNPAID_CHECKOUTS_PER_ADDRESS = 1
    buyer = cart(ProductFactory(stock=10))
    first = start_checkout(actor=buyer, origin=Origin(ip_hash="a" * 32)).checkout
    Checkout.objects.filter(pk=first.pk).update(state="refunded")  # paid, and given back

    assert start_checkout(actor=buyer, origin=Origin(ip_hash="a" * 32)).checkout


@pytest.mark.django_db(transaction=True)
def test_parallel_checkouts_of_one_customer_count_exactly(settings):
    settings.UNPAID_CHECKOUTS_PER_DAY = 1
    buyer = cart(ProductFactory(stock=10))

    outcomes = at_once(*[partial(start_checkout, actor=buyer)] * 4)

    assert not [outcome for outcome in outcomes if isinstance(outcome, RateLimitExceeded)], "they renew one another"
    assert Checkout.objects.values("expires_at").distinct().count() == 1
    assert_reserved_is_what_checkouts_hold()


def test_renewals_are_bounded_by_day(settings):
    settings.CHECKOUTS_PER_DAY = 2
    client = api_client_for(cart(ProductFactory(stock=10)))

    assert [client.post(URL).status_code for _ in range(3)] == [201, 201, 429]


def test_where_checkouts_came_from_is_forgotten_after_a_day():
    for days, ip_hash in ((0, "a" * 32), (2, "b" * 32)):
        checkout = start_checkout(actor=cart(ProductFactory(), buyer=UserFactory())).checkout
        moment = timezone.now() - timedelta(days=days)
        Checkout.objects.filter(pk=checkout.pk).update(created_at=moment, ip_hash=ip_hash)

    assert forget_addresses(timezone.now()) == 1
    assert set(Checkout.objects.values_list("ip_hash", flat=True)) == {"a" * 32, ""}
