import logging
from collections.abc import Iterator

import pytest

from orders.errors import ProviderAway, ProviderRefused
from orders.payments import provider, provider_named
from orders.payments.amounts import from_stripe, to_stripe
from orders.payments.local import LocalProvider
from orders.tests.stripe_server import SECRET_KEY, FakeStripe, fake_stripe

ASKED = {"amount_cents": 1_999, "currency": "EUR", "key": "checkout:1", "metadata": {"customer": "c-1"}}


@pytest.fixture
def stripe(settings) -> Iterator[FakeStripe]:
    with fake_stripe() as server:
        settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE = SECRET_KEY, server.url
        settings.STRIPE_TIMEOUT_SECONDS = 0.5
        yield server


def test_without_a_key_the_local_provider_takes_payments_and_a_repeat_has_the_same_intent(settings):
    settings.STRIPE_SECRET_KEY = ""
    local = provider()

    first, again = local.create_intent(**ASKED), local.create_intent(**ASKED)

    assert isinstance(local, LocalProvider)
    assert first == again
    assert first.id.startswith("pi_local_")
    assert local.create_intent(**ASKED | {"key": "checkout:2"}).id != first.id
    assert local.cancel_intent(first.id) is True
    refund = local.refund(intent_id=first.id, amount_cents=5, key="refund:1", metadata={})
    assert refund.succeeded


def test_an_existing_payment_stays_with_its_provider(stripe, settings):
    assert provider().name == "stripe"
    assert provider_named("local").name == "local"
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(ProviderAway):
        provider_named("stripe")


def test_stripe_is_asked_once_for_one_key(stripe):
    intent, again = provider().create_intent(**ASKED), provider().create_intent(**ASKED)

    assert intent == again
    (asked,) = stripe.intents.values()
    assert (asked["amount"], asked["currency"], asked["metadata[customer]"]) == ("1999", "eur", "c-1")
    assert intent.client_secret == asked["client_secret"]
    assert stripe.requests[0][2]["Idempotency-Key"] == "checkout:1"


def test_an_intent_is_cancelled_once_and_one_that_was_paid_is_not(stripe):
    intent = provider().create_intent(**ASKED).id

    assert provider().cancel_intent(intent) is True
    assert provider().cancel_intent(intent) is True
    stripe.intents[intent]["status"] = "succeeded"
    assert provider().cancel_intent(intent) is False


@pytest.mark.parametrize(
    ("status", "succeeded", "failed"),
    [("succeeded", True, False), ("pending", False, False), ("failed", False, True), ("canceled", False, True)],
)
def test_a_refund_tells_whether_it_has_succeeded(stripe, status, succeeded, failed):
    stripe.refund_status = status

    refund = provider().refund(intent_id="pi_0", amount_cents=500, key="refund:1", metadata={"refund": "1"})

    assert (refund.succeeded, refund.failed) == (succeeded, failed)
    assert stripe.refunds[refund.id]["payment_intent"] == "pi_0"
    assert stripe.refunds[refund.id]["amount"] == "500"


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503])
def test_what_may_work_later_is_tried_again_later(stripe, status, caplog):
    stripe.failures = [(status, {"type": "api_error", "message": f"no, {SECRET_KEY}"})] * 2

    with caplog.at_level(logging.DEBUG), pytest.raises(ProviderAway) as raised:
        provider().create_intent(**ASKED)

    assert (raised.value.status, raised.value.code) == (503, "TRY_AGAIN")
    assert int(raised.value.headers["Retry-After"]) > 0
    assert "payment_provider_away" in caplog.text
    assert SECRET_KEY not in caplog.text


def test_one_failure_of_stripe_is_not_even_noticed(stripe):
    stripe.failures = [(503, {"type": "api_error"})]

    assert provider().create_intent(**ASKED).id == "pi_0"


def test_a_stripe_that_does_not_answer_is_given_up(stripe):
    stripe.stalling = True

    with pytest.raises(ProviderAway):
        provider().create_intent(**ASKED)

    assert len(stripe.requests) == 2


def test_a_stripe_that_is_not_there_is_given_up(stripe, settings):
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"

    with pytest.raises(ProviderAway):
        provider().create_intent(**ASKED)


def test_what_stripe_will_never_do_is_a_refusal_with_its_reason(stripe):
    stripe.failures = [(400, {"type": "invalid_request_error", "code": "amount_too_small", "message": "min. 50"})]

    with pytest.raises(ProviderRefused) as raised:
        provider().create_intent(**ASKED)

    assert (raised.value.status, raised.value.code, raised.value.reason) == (400, "INVALID_INPUT", "amount_too_small")
    assert "too small" in raised.value.detail


@pytest.mark.parametrize(
    ("currency", "ours", "stripes"),
    [("EUR", 1_999, 1_999), ("JPY", 1_999, 1_999), ("UGX", 5_000, 500_000), ("MGA", 5_000, 50), ("KWD", 1_990, 1_990)],
)
def test_stripes_minor_units_are_not_everywhere_those_of_iso_4217(currency, ours, stripes):
    assert to_stripe(ours, currency) == stripes
    assert from_stripe(stripes, currency.lower()) == ours


@pytest.mark.parametrize(("currency", "amount"), [("KWD", 1_995), ("MGA", 5_050)])
def test_an_amount_that_no_card_can_pay_is_refused(stripe, currency, amount):
    with pytest.raises(ProviderRefused):
        provider().create_intent(**ASKED | {"currency": currency, "amount_cents": amount})

    assert stripe.requests == []
