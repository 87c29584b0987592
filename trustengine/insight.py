"""What Prometheus reads: counters of every process, and gauges that are asked of the database at a scrape.

Apps register functions in a module ``gauges``; this storey knows none of them. A gauge is
not a process's own number but the system's, so it is computed when somebody looks, and is
the same whichever web process answers.

Counters and histograms are each process's own. Under ``up`` every web and worker process
writes them into a file of ``PROMETHEUS_MULTIPROC_DIR``, and a scrape adds the files up.
The files of processes that have ended stay until the next start: what they counted has happened.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from trustengine.database.timeouts import Timeouts, stated
from trustengine.deadlines import Deadline, Unanswered

logger = structlog.get_logger(__name__)

CONTENT_TYPE = CONTENT_TYPE_LATEST
SHARED_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus_client when it is imported
TIMEOUTS = Timeouts(statement_ms=1_000, lock_ms=1_000)  # of a gauge
SCRAPE_SECONDS = 5.0  # for all gauges; Prometheus itself waits for ten

Values = Mapping[Sequence[str], float]
Function = TypeVar("Function", bound=Callable[[], "float | Values"])


@dataclass(frozen=True)
class _Gauge:
    name: str
    meaning: str
    labels: Sequence[str]
    read: Callable[[], float | Values]


_gauges: dict[str, _Gauge] = {}


def gauge(name: str, meaning: str, *, labels: Sequence[str] = ()) -> Callable[[Function], Function]:
    """Have a function be asked at every scrape: a number, or with ``labels`` a number per label values.

    It runs in a read-only transaction with a statement timeout of a second, so it must
    be cheap: an index's end, a partial index, never a count of everything.
    """

    def register(function: Function) -> Function:
        _gauges[name] = _Gauge(name, meaning, labels, function)
        return function

    return register


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    if os.environ.get(SHARED_DIRECTORY):
        registry.register(MultiProcessCollector(None))  # type: ignore[no-untyped-call]
    else:
        registry.register(_OwnProcess())
    registry.register(_Gauges())
    return generate_latest(registry)


class _OwnProcess(Collector):
    """The metrics of this process, where no directory is shared with others."""

    def collect(self) -> Iterable[Metric]:
        return REGISTRY.collect()


class _Gauges(Collector):
    """The registered gauges. Without the database there is one: that it is away."""

    def collect(self) -> Iterator[Metric]:
        up, readings = 1, []
        try:
            readings = _readings_in_time()
        except (DatabaseError, InterfaceError, Unanswered):
            up = 0
        yield GaugeMetricFamily("trustengine_database_up", "1 while PostgreSQL answers, else 0.", value=up)
        yield from readings


def _readings() -> list[Metric]:
    connection.ensure_connection()
    return [reading for each in list(_gauges.values()) if (reading := _read(each))]


_readings_in_time = Deadline(_readings, seconds=SCRAPE_SECONDS)


def _read(gauge: _Gauge) -> Metric | None:
    """One gauge's values; None if that took too long."""
    try:
        with stated(TIMEOUTS), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            found = gauge.read()
    except (DatabaseError, InterfaceError) as error:
        if not connection.is_usable():
            raise
        logger.warning("gauge_not_read", gauge=gauge.name, error=type(error).__name__)
        return None
    family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=gauge.labels)
    for labels, value in found.items() if isinstance(found, Mapping) else [((), found)]:
        family.add_metric(labels, value)
    return family
