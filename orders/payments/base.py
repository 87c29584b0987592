"""What a payment provider does for us."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Intent:
    """A payment that a customer has been asked for. ``client_secret`` lets their browser pay it."""

    id: str
    client_secret: str


@dataclass(frozen=True)
class ProviderRefund:
    """Money on its way back. Neither ``succeeded`` nor ``failed``: the provider is still at it."""

    id: str
    succeeded: bool
    failed: bool = False


class PaymentProvider(Protocol):
    """Takes and gives back money. Every amount is in the currency's minor units by ISO 4217, as everywhere.

    ``key`` is the idempotency key: a call that is repeated with it has no second effect, and
    is answered like the first. Every call may raise ProviderAway (its effect is unknown:
    repeat it) and ProviderRefused (do not).
    """

    @property
    def name(self) -> str: ...

    def create_intent(self, *, amount_cents: int, currency: str, key: str, metadata: Mapping[str, str]) -> Intent:
        """Ask a customer for money."""

    def cancel_intent(self, intent_id: str) -> bool:
        """No longer ask for it. False where it is too late: it has been paid, or is being paid."""

    def refund(
        self, *, intent_id: str, amount_cents: int, key: str, metadata: Mapping[str, str], currency: str = ""
    ) -> ProviderRefund:
        """Give back some or all of what was paid. ``currency`` is that of the payment; empty: the marketplace's."""
