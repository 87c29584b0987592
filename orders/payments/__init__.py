"""Who takes the money: Stripe, or a local stand-in for demos and tests.

Calls leave the process and cannot be rolled back: they belong before a transaction that
locks anything, or into a job with ``atomic=False``, each under a key that stays the same
when it is repeated.
"""

from functools import lru_cache

from django.conf import settings

from orders.errors import ProviderAway
from orders.payments.base import Intent, PaymentProvider, ProviderRefund
from orders.payments.local import LocalProvider
from orders.payments.stripe import StripeProvider

__all__ = ["Intent", "PaymentProvider", "ProviderRefund", "provider", "provider_named"]


def provider() -> PaymentProvider:
    """Who takes new payments: Stripe where ``STRIPE_SECRET_KEY`` is set, else the local provider."""
    return provider_named(StripeProvider.name if settings.STRIPE_SECRET_KEY else LocalProvider.name)


def provider_named(name: str) -> PaymentProvider:
    """Who took a payment that exists. Raises ProviderAway for Stripe without its key."""
    if name == LocalProvider.name:
        return LocalProvider()
    if name != StripeProvider.name:
        raise ValueError(f"no payment provider is called {name}")
    if not settings.STRIPE_SECRET_KEY:
        raise ProviderAway
    return _stripe(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, settings.STRIPE_TIMEOUT_SECONDS)


@lru_cache(maxsize=4)
def _stripe(secret_key: str, api_base: str, timeout_seconds: float) -> StripeProvider:
    return StripeProvider(secret_key, api_base=api_base, timeout_seconds=timeout_seconds)
