"""A payment provider without money or network, for demos and tests: its events are posted by a command."""

import hashlib
from collections.abc import Mapping

from django.utils.crypto import salted_hmac

from orders.payments.base import Intent, ProviderRefund


class LocalProvider:
    """Does nothing, and does it at once. Ids follow from the idempotency key, so a repeat has the same."""

    name = "local"

    def create_intent(self, *, amount_cents: int, currency: str, key: str, metadata: Mapping[str, str]) -> Intent:
        intent = f"pi_local_{_digest(key)}"
        return Intent(intent, f"{intent}_secret_{salted_hmac('orders.payments.local', intent).hexdigest()[:24]}")

    def cancel_intent(self, intent_id: str) -> bool:
        return True

    def refund(
        self, *, intent_id: str, amount_cents: int, key: str, metadata: Mapping[str, str], currency: str = ""
    ) -> ProviderRefund:
        return ProviderRefund(f"re_local_{_digest(key)}", succeeded=True)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:24]
