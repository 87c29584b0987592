"""Stripe, by its own library: https://docs.stripe.com/api."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import stripe
import structlog
from django.conf import settings

from orders.errors import ProviderAway, ProviderRefused
from orders.payments.amounts import to_stripe
from orders.payments.base import Intent, ProviderRefund
from trustengine import VERSION

RETRIES = 1
stripe.set_app_info("TrustEngine", version=VERSION)

logger = structlog.get_logger(__name__)


class StripeProvider:
    """Payment intents that a customer's browser confirms, with whatever means Stripe offers them."""

    name = "stripe"

    def __init__(self, secret_key: str, *, api_base: str, timeout_seconds: float) -> None:
        # Both connecting and each read are waited for this long, twice with the one retry.
        client = stripe.RequestsClient(timeout=(timeout_seconds, timeout_seconds))
        self._client = stripe.StripeClient(
            secret_key, base_addresses={"api": api_base}, http_client=client, max_network_retries=RETRIES
        )

    def create_intent(self, *, amount_cents: int, currency: str, key: str, metadata: Mapping[str, str]) -> Intent:
        with _errors_as_ours("create_intent"):
            intent = self._client.v1.payment_intents.create(
                {
                    "amount": to_stripe(amount_cents, currency),
                    "currency": currency.lower(),
                    "metadata": dict(metadata),
                    "automatic_payment_methods": {"enabled": True},
                },
                {"idempotency_key": key},
            )
        return Intent(intent.id, intent.client_secret or "")

    def cancel_intent(self, intent_id: str) -> bool:
        try:
            with _errors_as_ours("cancel_intent"):
                self._client.v1.payment_intents.cancel(intent_id)
        except ProviderRefused as refusal:
            if refusal.reason != "payment_intent_unexpected_state":
                raise
            with _errors_as_ours("retrieve_intent"):
                return self._client.v1.payment_intents.retrieve(intent_id).status == "canceled"
        return True

    def refund(
        self, *, intent_id: str, amount_cents: int, key: str, metadata: Mapping[str, str], currency: str = ""
    ) -> ProviderRefund:
        with _errors_as_ours("refund"):
            refund = self._client.v1.refunds.create(
                {
                    "payment_intent": intent_id,
                    "amount": to_stripe(amount_cents, currency or settings.MARKETPLACE_CURRENCY),
                    "metadata": dict(metadata),
                },
                {"idempotency_key": key},
            )
        return ProviderRefund(
            refund.id, succeeded=refund.status == "succeeded", failed=refund.status in {"failed", "canceled"}
        )


@contextmanager
def _errors_as_ours(call: str) -> Iterator[None]:
    """Stripe's errors by what can be done about them. Logs codes and ids: messages may quote what was sent."""
    try:
        yield
    except ValueError as error:
        raise ProviderRefused(str(error), reason="amount_not_payable") from error
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        logger.warning("payment_provider_refused", call=call, code=error.code, request=error.request_id)
        raise ProviderRefused(_told(error.code), reason=error.code or "") from error
    except stripe.StripeError as error:
        _log(call, error)
        raise ProviderAway from error


# What a customer can do something about, of Stripe's codes.
TOLD = {
    "amount_too_small": "The amount is too small to be paid by card.",
    "amount_too_large": "The amount is too large to be paid by card.",
    "invalid_currency": "This currency cannot be paid by card.",
}


def _told(code: str | None) -> str:
    return TOLD.get(code or "", "")


def _log(call: str, error: stripe.StripeError) -> None:
    ours = isinstance(error, stripe.AuthenticationError | stripe.PermissionError | stripe.IdempotencyError)
    level = logger.error if ours else logger.warning  # those do not pass by themselves
    level(
        "payment_provider_away",
        call=call,
        error=type(error).__name__,
        status=error.http_status,
        code=error.code,
        request=error.request_id,
    )
