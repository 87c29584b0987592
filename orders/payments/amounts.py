"""Amounts as Stripe counts them, which is not ISO 4217's way for every currency.

Source: Stripe's documentation, “Supported currencies”: zero-decimal currencies, special
cases, three-decimal currencies. Ours are minor units by ISO 4217 throughout.
"""

# Factor and divisor from ISO 4217's minor units to Stripe's, where they differ.
TIMES = {"ISK": 100, "UGX": 100}  # no minor unit by ISO; Stripe wants two decimals, which are zero
DIVIDED_BY = {"MGA": 100}  # two decimals by ISO; Stripe takes whole ariary
THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})  # Stripe wants the last of them to be zero


def price_step(currency: str) -> int:
    """Every amount in this currency must be a multiple of this many minor units to be payable by card."""
    return DIVIDED_BY.get(currency, 10 if currency in THREE_DECIMALS else 1)


def to_stripe(amount_cents: int, currency: str) -> int:
    """An amount for Stripe. Raises ValueError if it is not a multiple of the currency's step."""
    if amount_cents % price_step(currency):
        raise ValueError(f"{amount_cents} minor units of {currency} cannot be paid by card")
    return amount_cents * TIMES.get(currency, 1) // DIVIDED_BY.get(currency, 1)


def from_stripe(amount: int, currency: str) -> int:
    """An amount that Stripe told, in minor units by ISO 4217."""
    return amount * DIVIDED_BY.get(currency.upper(), 1) // TIMES.get(currency.upper(), 1)
