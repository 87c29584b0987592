"""How likely so many reviews are by chance."""

import math


def tail(found: int, expected: float) -> float:
    """P(X ≥ found) for a Poisson variable with this mean: exact in double precision, also far out in the tail."""
    if found <= 0:
        return 1.0
    if expected <= 0:
        return 0.0
    if found <= expected:
        return max(0.0, 1.0 - math.fsum(_mass(count, expected) for count in range(found)))
    term = total = 1.0  # P(X = found) times 1 + λ/(k+1) + λ²/((k+1)(k+2)) + …, which falls from the start
    count = found
    while term > total * 1e-17:
        count += 1
        term *= expected / count
        total += term
    return min(1.0, _mass(found, expected) * total)


def rate(seen: int, days: float, *, prior_mean: float, prior_days: float) -> float:
    """Expected events a day: the mean of a gamma posterior, with a prior worth ``prior_days`` of watching."""
    return (seen + prior_mean * prior_days) / (days + prior_days)


def _mass(count: int, expected: float) -> float:
    return math.exp(count * math.log(expected) - expected - math.lgamma(count + 1))
