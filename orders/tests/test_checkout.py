"""From a full cart to a payment that is asked for."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.jobs import expire_checkout, expire_checkouts
from orders.models import Checkout, CheckoutLine, Order, Product
from orders.payments import provider
from orders.services import put_in_cart, start_checkout
from orders.tests.checkout_factories import (
    assert_reserved_is_what_checkouts_hold,
    cart,
    cart_contents,
    checked_out,
    stock_of,
)
from orders.tests.factories import ProductFactory
from orders.tests.stripe_server import SECRET_KEY, fake_stripe
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db

URL = "/api/v1/checkout/"
State = Checkout.State


def to_be_cancelled():
    return list(Job.objects.filter(kind="orders.cancel_intent").values_list("args__intent_id", flat=True))


@pytest.fixture
def stripe(settings):
    with fake_stripe() as server:
        settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE = SECRET_KEY, server.url
        settings.STRIPE_TIMEOUT_SECONDS = 0.5
        yield server


def test_a_newcomer_comes_from_a_product_to_a_payment_by_http_alone():
    vendor = api_client_for(MembershipFactory(role=Membership.Role.OWNER).user)
    offered = {"title": "Moka pot", "price_cents": 3_490, "stock": 5}
    made = vendor.post("/api/v1/vendor/products/", offered, HTTP_IDEMPOTENCY_KEY="offer").json()
    client = api_client_for(UserFactory())

    found = client.get("/api/v1/products/", {"search": "moka"}).json()["results"][0]["id"]
    assert found == made["id"]
    assert client.put(f"/api/v1/cart/items/{found}/", {"quantity": 2}).status_code == 200
    assert client.get("/api/v1/cart/").json()["totals"] == [{"amount_cents": 6_980, "currency": "EUR"}]
    answer = client.post(URL, HTTP_IDEMPOTENCY_KEY="buy")

    assert answer.status_code == 201
    bought = answer.json()
    assert bought["payment_intent_id"].startswith("pi_local_")
    assert (bought["amount_cents"], bought["currency"]) == (6_980, "EUR")
    assert bought["expires_at"].endswith("Z")
    assert bought["client_secret"]
    assert bought["lines"] == [{"product": found, "quantity": 2, "unit_price_cents": 3_490}]
    again = client.post(URL, HTTP_IDEMPOTENCY_KEY="buy")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (bought, "true")
    mine = vendor.get("/api/v1/vendor/products/").json()["results"][0]
    assert (mine["stock"], mine["reserved"], mine["available"]) == (5, 2, 3)
    assert client.get("/api/v1/orders/").json()["results"] == []


def test_a_checkout_holds_stock_at_the_prices_of_its_moment_and_makes_no_order(settings):
    settings.CHECKOUT_MINUTES = 20
    pot, cup, file = ProductFactory(stock=5, price_cents=900), ProductFactory(stock=9, price_cents=1), ProductFactory()
    buyer = cart(pot, cup, file, quantity=2)

    started = start_checkout(actor=buyer)

    checkout = started.checkout
    assert (checkout.amount_cents, checkout.currency, checkout.state) == (2 * (900 + 1 + 1_999), "EUR", "open")
    assert checkout.expires_at - checkout.created_at == timedelta(minutes=20)
    lines = CheckoutLine.objects.filter(checkout=checkout).values_list(
        "product", "quantity", "unit_price_cents", "held"
    )
    assert set(lines) == {(pot.pk, 2, 900, 2), (cup.pk, 2, 1, 2), (file.pk, 2, 1_999, 0)}
    assert [stock_of(one) for one in (pot, cup, file)] == [(5, 2), (9, 2), (None, 0)]
    assert {line.vendor_id for line in started.lines} == {one.vendor_id for one in (pot, cup, file)}
    assert not Order.objects.exists()
    assert cart_contents(buyer) == {pot.pk: 2, cup.pk: 2, file.pk: 2}
    (entry,) = Entry.objects.filter(verb="checkout.started")
    assert (entry.actor_id, entry.after["amount_cents"]) == (buyer.pk, checkout.amount_cents)


def test_what_the_client_says_about_prices_is_not_read():
    client = api_client_for(cart(ProductFactory(price_cents=700)))

    assert client.post(URL, {"amount_cents": 1, "currency": "USD"}).json()["amount_cents"] == 700


@pytest.mark.parametrize(
    ("products", "status", "code"),
    [
        ([], 400, "INVALID_INPUT"),
        ([{"currency": "EUR"}, {"currency": "CHF"}], 400, "INVALID_INPUT"),
        ([{"price_cents": 0}], 400, "INVALID_INPUT"),
        ([{}, {"is_active": False}], 409, "PRODUCT_INACTIVE"),
        ([{}, {"stock": 0}], 409, "OUT_OF_STOCK"),
    ],
    ids=["nothing", "two currencies", "free of charge", "inactive", "out of stock"],
)
def test_a_cart_that_cannot_be_bought_holds_nothing_and_asks_nobody_for_money(products, status, code, stripe):
    made = [ProductFactory() for _ in products]
    buyer = cart(*made) if made else UserFactory()
    for product, fields in zip(made, products, strict=True):
        Product.objects.filter(pk=product.pk).update(**fields)

    refused = api_client_for(buyer).post(URL)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    if status == 409:
        assert refused.json()["products"] == [str(made[1].pk)]
    assert not Checkout.objects.exists()
    assert stripe.requests == []
    assert_reserved_is_what_checkouts_hold()


def test_a_free_gift_goes_with_what_is_paid_for():
    client = api_client_for(cart(ProductFactory(price_cents=0, stock=1), ProductFactory(price_cents=900)))

    assert client.post(URL).json()["amount_cents"] == 900


def test_the_suspended_and_the_anonymous_buy_nothing():
    buyer = cart(ProductFactory())
    buyer.suspended_at = timezone.now()
    buyer.save()

    assert api_client_for(buyer).post(URL).json()["code"] == "ACCOUNT_SUSPENDED"
    assert api_client_for().post(URL).status_code == 401


def test_checkouts_of_one_user_are_limited(settings):
    settings.CHECKOUTS_PER_MINUTE = 2
    client = api_client_for(cart(ProductFactory()))

    answers = [client.post(URL) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert int(answers[2].headers["Retry-After"]) > 0


def test_a_new_checkout_takes_the_place_of_the_former_one():
    product = ProductFactory(stock=3)
    first = checked_out(product, quantity=3)
    buyer = first.checkout.customer.user

    second = start_checkout(actor=buyer)

    first.checkout.refresh_from_db()
    assert (first.checkout.state, second.checkout.state) == (State.EXPIRED, State.OPEN)
    assert stock_of(product) == (3, 3)
    assert_reserved_is_what_checkouts_hold()
    assert to_be_cancelled() == [first.checkout.payment_intent_id]
    assert Entry.objects.get(verb="checkout.expired").reason == "replaced"


def test_another_customers_hold_is_not_ones_own():
    product = ProductFactory(stock=3)
    checked_out(product, quantity=3)

    refused = api_client_for(cart(product)).post(URL)

    assert (refused.status_code, refused.json()["code"]) == (409, "OUT_OF_STOCK")


def test_a_checkout_ends_with_its_time_once_and_frees_what_it_held(settings):
    product = ProductFactory(stock=3)
    checkout = checked_out(product, quantity=2).checkout
    assert run_due_jobs() == 0  # its time has not come
    expire_checkout(str(checkout.pk))
    assert stock_of(product) == (3, 2)
    Checkout.objects.update(expires_at=timezone.now())
    Job.objects.filter(kind="orders.expire_checkout").update(run_at=timezone.now())

    run_due_jobs()
    expire_checkout(str(checkout.pk))

    checkout.refresh_from_db()
    assert checkout.state == State.EXPIRED
    assert stock_of(product) == (3, 0)
    assert set(checkout.lines.values_list("held", flat=True)) == {0}
    assert Entry.objects.filter(verb="checkout.expired").count() == 1
    assert to_be_cancelled() == [checkout.payment_intent_id]


def test_the_sweep_ends_what_no_job_has_ended():
    overdue, fresh = [checked_out().checkout for _ in range(3)], checked_out().checkout
    Checkout.objects.exclude(pk=fresh.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    Job.objects.all().delete()

    assert expire_checkouts() == len(overdue)
    assert list(Checkout.objects.filter(state=State.OPEN)) == [fresh]
    assert_reserved_is_what_checkouts_hold()


def test_an_expired_checkout_is_no_longer_asked_for_at_the_provider(stripe):
    checkout = checked_out().checkout
    Checkout.objects.update(expires_at=timezone.now())
    expire_checkouts()

    run_due_jobs()

    assert stripe.intents[checkout.payment_intent_id]["status"] == "canceled"


def test_a_provider_that_is_away_refuses_nobody_for_good_and_holds_nothing(stripe):
    stripe.failures = [(500, {"type": "api_error"})] * 2
    product = ProductFactory(stock=1)
    client = api_client_for(cart(product))

    refused = client.post(URL, HTTP_IDEMPOTENCY_KEY="k")

    assert (refused.status_code, refused.json()["code"]) == (503, "TRY_AGAIN")
    assert refused.headers["Retry-After"]
    assert stock_of(product) == (1, 0)
    assert client.post(URL, HTTP_IDEMPOTENCY_KEY="k").status_code == 201


def test_what_the_provider_will_not_take_is_told(stripe):
    stripe.failures = [(400, {"type": "invalid_request_error", "code": "amount_too_small"})]

    refused = api_client_for(cart(ProductFactory(price_cents=1))).post(URL)

    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
    assert "too small" in refused.json()["detail"]


def sold_out_while_asking(product, monkeypatch):
    """Somebody else buys the last pieces between the look at the cart and the hold."""
    kind, real = type(provider()), type(provider()).create_intent

    def slow(self, **asked):
        monkeypatch.setattr(kind, "create_intent", real)
        Product.objects.filter(pk=product.pk).update(stock=0)
        return real(self, **asked)

    monkeypatch.setattr(kind, "create_intent", slow)


def test_an_intent_for_what_is_gone_meanwhile_is_cancelled(stripe, monkeypatch):
    product = ProductFactory(stock=1)
    client = api_client_for(cart(product))
    sold_out_while_asking(product, monkeypatch)

    refused = client.post(URL)

    assert (refused.json()["code"], refused.json()["products"]) == ("OUT_OF_STOCK", [str(product.pk)])
    assert to_be_cancelled() == list(stripe.intents)
    assert not Checkout.objects.exists()


def test_a_keyed_repeat_after_a_failure_is_given_the_same_intent(stripe, monkeypatch):
    product = ProductFactory(stock=1)
    client = api_client_for(cart(product))
    sold_out_while_asking(product, monkeypatch)
    assert client.post(URL, HTTP_IDEMPOTENCY_KEY="k").status_code == 409
    Product.objects.filter(pk=product.pk).update(stock=1)

    answer = client.post(URL, HTTP_IDEMPOTENCY_KEY="k")

    assert answer.status_code == 201
    assert list(stripe.intents) == [answer.json()["payment_intent_id"]]
    assert to_be_cancelled() == []


def test_a_key_that_is_used_again_after_its_time_asks_for_another_payment():
    buyer = cart(ProductFactory())

    intents = [
        start_checkout(actor=buyer, idempotency_key="k").checkout.payment_intent_id,
        start_checkout(actor=buyer, idempotency_key="k").checkout.payment_intent_id,
    ]

    assert len(set(intents)) == 2


def test_a_price_that_changes_while_the_provider_is_asked_is_asked_for_anew(stripe, monkeypatch):
    product = ProductFactory(stock=5, price_cents=900)
    buyer = cart(product)
    kind, real = type(provider()), type(provider()).create_intent

    def slow(self, **asked):
        monkeypatch.setattr(kind, "create_intent", real)
        Product.objects.filter(pk=product.pk).update(price_cents=950)
        return real(self, **asked)

    monkeypatch.setattr(kind, "create_intent", slow)
    checkout = start_checkout(actor=buyer).checkout

    assert checkout.amount_cents == 950
    assert stripe.intents[checkout.payment_intent_id]["amount"] == "950"
    assert to_be_cancelled() == [intent for intent in stripe.intents if intent != checkout.payment_intent_id]
    assert stock_of(product) == (5, 1)


def test_a_cart_that_changes_while_the_provider_is_asked_is_asked_for_anew(stripe, monkeypatch):
    product, other = ProductFactory(stock=5), ProductFactory(stock=5)
    buyer = cart(product)
    kind, real = type(provider()), type(provider()).create_intent

    def slow(self, **asked):
        monkeypatch.setattr(kind, "create_intent", real)
        put_in_cart(other.pk, quantity=2, actor=buyer)
        return real(self, **asked)

    monkeypatch.setattr(kind, "create_intent", slow)

    assert start_checkout(actor=buyer).checkout.lines.count() == 2


def test_members_of_a_vendor_may_buy_what_it_sells():
    """What they buy is an order like any other; reviewing and voting on it is what they may not."""
    member = MembershipFactory(role=Membership.Role.OWNER)

    assert checked_out(ProductFactory(vendor=member.profile, stock=1), buyer=member.user).checkout.state == State.OPEN
