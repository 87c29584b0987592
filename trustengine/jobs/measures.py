"""What workers count: jobs by kind and outcome, and how long each run took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

from trustengine.jobs.claims import LeaseLost
from trustengine.jobs.registry import RunLater

RUNS = Counter(
    "trustengine_job_runs_total",
    "Runs of jobs by kind and outcome: done, failed, put_off, lease_lost.",
    ["kind", "outcome"],
)
SECONDS = Histogram(
    "trustengine_job_run_seconds",
    "How long a run took, whatever became of it.",
    ["kind"],
    buckets=[0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
)


@contextmanager
def measured(kind: str) -> Iterator[None]:
    """Count the run that the block is, and its time."""
    began = time.perf_counter()
    outcome = "failed"
    try:
        yield
        outcome = "done"
    except RunLater:
        outcome = "put_off"
        raise
    except LeaseLost:
        outcome = "lease_lost"
        raise
    finally:
        count_run(kind, outcome, began)


def count_run(kind: str, outcome: str, began: float) -> None:
    """Count a run that began then, by ``time.perf_counter``."""
    SECONDS.labels(kind).observe(time.perf_counter() - began)
    RUNS.labels(kind, outcome).inc()
