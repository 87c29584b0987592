"""Automatic screening: small checks find signals, a policy turns them into a verdict."""

from reviews.screening.run import screen
from reviews.screening.signals import Signal

__all__ = ["Signal", "screen"]
