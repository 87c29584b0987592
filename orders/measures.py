"""What processes count about the status of orders: how long deriving one takes, and what keeps it from happening."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error
from prometheus_client import Counter, Histogram

LOCK_NOT_AVAILABLE = "55P03"

DERIVATIONS = Counter(
    "trustengine_order_status_derivations_total",
    "Derivations of an order's status by outcome: changed, unchanged, lock_timeout, failed.",
    ["outcome"],
)
SECONDS = Histogram(
    "trustengine_order_status_derivation_seconds",
    "How long reading an order's items, and writing its status where it changed, took. Waiting for locks is not in it.",
    buckets=[0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5],
)
for _outcome in ("changed", "unchanged", "lock_timeout", "failed"):
    DERIVATIONS.labels(_outcome)  # so that a rate over a first failure has a zero to begin from


@contextmanager
def failures_counted() -> Iterator[None]:
    """Count it where the block, which locks an order, ends in an error of the database."""
    try:
        yield
    except Error as error:
        DERIVATIONS.labels(_outcome_of(error)).inc()
        raise


class Derivation:
    """A block that derives one order's status, with its time; it says itself whether the status ``changed``."""

    changed = False

    def __enter__(self) -> "Derivation":
        self.began = time.perf_counter()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        SECONDS.observe(time.perf_counter() - self.began)
        outcome = _outcome_of(error) if error else "changed" if self.changed else "unchanged"
        DERIVATIONS.labels(outcome).inc()


def _outcome_of(error: BaseException) -> str:
    timed_out = getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE
    return "lock_timeout" if timed_out else "failed"
