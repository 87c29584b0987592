"""Which benchmarks there are, how large a run is, and how time is taken."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """How much one run does: enough for a minute in all, or hardly anything to see that it runs."""

    rounds: int
    drained: int
    messages: int
    forked_messages: int
    votes: int
    statements: int
    checkouts: int
    imported: int
    refunded: int
    bookings: int
    usage_events: int
    fingerprints: int
    lookups: int
    leased: int
    recent_leases: int
    orders_of_day: int
    vendors: int
    days: int
    orders_of_each: int
    arrivals: Sequence[tuple[float, int]]  # orders a second (0: all at once), and how many


FULL = Size(
    rounds=5,
    drained=3_000,
    messages=600,
    forked_messages=150,
    votes=300,
    statements=3_000,
    checkouts=400,
    imported=4_000,
    refunded=10_000,
    bookings=10_000,
    usage_events=1_000,
    fingerprints=1_000_000,
    lookups=1_000,
    leased=500,
    recent_leases=10_000,
    orders_of_day=100_000,
    vendors=500,
    days=365,
    orders_of_each=10_000,
    arrivals=((0.5, 15), (4, 60), (30, 300), (0, 1_000)),
)
QUICK = Size(
    rounds=1,
    drained=30,
    messages=10,
    forked_messages=3,
    votes=16,
    statements=32,
    checkouts=16,
    imported=20,
    refunded=20,
    bookings=20,
    usage_events=10,
    fingerprints=200,
    lookups=8,
    leased=16,
    recent_leases=20,
    orders_of_day=60,
    vendors=4,
    days=3,
    orders_of_each=20,
    arrivals=((20, 4), (0, 6)),
)

Figures = Mapping[str, float]
Benchmark = Callable[[Size], Figures]


@dataclass
class Stopwatch:
    seconds: float = 0.0

    def per_second(self, count: int) -> float:
        return round(count / self.seconds, 1)


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """The wall-clock time of the block."""
    watch = Stopwatch()
    began = time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - began


def ratio(one: float, other: float) -> float:
    """How many times faster the first is."""
    return round(one / other, 2)
