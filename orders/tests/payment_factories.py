"""Checkouts for tests, and events as the provider would send them."""

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from orders.models import Checkout, CheckoutLine, Order, PaymentEvent, Product
from orders.payments import signatures
from orders.services import stock
from orders.services.webhook_secrets import signing_secret
from orders.tests.factories import ProductFactory
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import UserFactory
from trustengine.testing import api_client_for, run_due_jobs

WEBHOOK = "/api/v1/webhooks/stripe/"
_numbers = count(1)


def open_checkout(buyer: User | None = None, *, bought: Mapping[Product, int] | None = None, **fields: Any) -> Checkout:
    """A checkout that holds what it is for: one tracked product at 10.00, unless told otherwise."""
    bought = bought or {ProductFactory(price_cents=1_000, stock=5): 1}
    held = stock.hold({product.pk: quantity for product, quantity in bought.items()}, inactive_too=True)
    values: dict[str, Any] = {
        "customer": (buyer or UserFactory()).customer_profile,
        "provider": "local",
        "payment_intent_id": f"pi_local_{next(_numbers)}_{time.time_ns()}",
        "amount_cents": sum(each.quantity * each.unit_price_cents for each in held),
        "currency": "EUR",
        "expires_at": timezone.now() + timedelta(minutes=30),
    }
    checkout = Checkout.objects.create(**values | fields)
    CheckoutLine.objects.bulk_create(
        CheckoutLine(
            checkout=checkout,
            product_id=each.product_id,
            vendor_id=each.vendor_id,
            quantity=each.quantity,
            unit_price_cents=each.unit_price_cents,
            held=each.held,
        )
        for each in held
    )
    return checkout


def event_body(type_: str, intent_id: str, event_id: str = "", **about: Any) -> dict[str, Any]:
    """An event in Stripe's shape; ``about`` are further members of its object."""
    if type_.startswith("payment_intent."):
        named: dict[str, Any] = {"id": intent_id, "object": "payment_intent"}
    else:
        named = {"id": f"ch_{intent_id}", "payment_intent": intent_id}
    return {
        "id": event_id or f"evt_{next(_numbers)}_{time.time_ns()}",
        "object": "event",
        "type": type_,
        "created": int(time.time()),
        "data": {"object": named | about},
    }


def post(body: Any, *, secret: str = "", age: int = 0, header: str | None = None) -> Any:
    """Send a signed webhook to the endpoint."""
    raw = body if isinstance(body, str) else json.dumps(body)
    if header is None:
        header = signatures.sign(raw, secret or signing_secret(), timestamp=int(time.time()) - age)
    return api_client_for().generic("POST", WEBHOOK, raw, "application/json", HTTP_STRIPE_SIGNATURE=header)


def tell(type_: str, checkout: Checkout, event_id: str = "", **about: Any) -> PaymentEvent:
    """Send an event about a checkout's payment, and do all that follows from it."""
    body = event_body(type_, checkout.payment_intent_id, event_id, **about)
    answer = post(body)
    assert answer.status_code == 200, answer.content
    run_due_jobs()
    return PaymentEvent.objects.get(pk=body["id"])


def paid_order(checkout: Checkout | None = None, **fields: Any) -> Order:
    """The order that a payment has made."""
    checkout = checkout or open_checkout(**fields)
    tell("payment_intent.succeeded", checkout, amount_received=checkout.amount_cents, currency="eur")
    checkout.refresh_from_db()
    assert checkout.order is not None
    return checkout.order
