"""Shares of amounts, exact to the cent: sharing out, and taking a part of."""

from collections.abc import Sequence


def shared_out(amount: int, capacities: Sequence[int]) -> list[int]:
    """Share an amount in proportion to these capacities, by the method of the largest remainder.

    The shares sum to the amount, or to all of the capacities where it exceeds them; none
    exceeds its own. Of equal remainders the earlier goes first.
    """
    total = sum(capacities)
    if amount >= total:
        return list(capacities)
    shares = [amount * capacity // total for capacity in capacities]
    by_remainder = sorted(range(len(capacities)), key=lambda n: -(amount * capacities[n] % total))
    for position in by_remainder[: amount - sum(shares)]:
        shares[position] += 1
    return shares


def part_of(amount: int, numerator: int, denominator: int) -> int:
    """``amount`` × numerator ÷ denominator, to the nearest cent, and from the middle to the even one. None negative."""
    cents, rest = divmod(amount * numerator, denominator)
    return cents + (2 * rest > denominator or (2 * rest == denominator and cents % 2 == 1))
