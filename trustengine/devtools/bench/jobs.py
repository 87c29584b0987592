"""Doing nothing, many times: job rows drained by our runner against one RQ message per job."""

import logging
from collections.abc import Callable
from statistics import median

import django_rq
from django.db import connections
from rq import SimpleWorker, Worker
from rq.worker import BaseWorker

from trustengine.devtools.bench.rounds import Figures, Size, ratio, stopwatch
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of, job
from trustengine.jobs.runner import drain

QUEUE = "low"


@job(queue=QUEUE)
def do_nothing(number: int) -> None:
    """What a drained row runs."""


def also_nothing(number: int) -> None:
    """What an RQ message runs."""


def measure(size: Size) -> Figures:
    """Jobs a second in one worker, as the median of rounds that take turns, so that all meet the same machine.

    RQ's own default forks a process for each message; its SimpleWorker, like ours, does
    not. Asking for the jobs is not counted.
    """
    ways: dict[str, Callable[[], float]] = {
        "rows_drained": lambda: _drained(size.drained),
        "rq_forking": lambda: _messages(size.forked_messages, Worker),
        "rq_simple": lambda: _messages(size.messages, SimpleWorker),
    }
    rounds = [{name: run() for name, run in ways.items()} for _ in range(size.rounds)]
    middle = {name: median(each[name] for each in rounds) for name in ways}
    return {
        **{f"{name}_per_second": round(figure, 1) for name, figure in middle.items()},
        "drain_to_rq_forking": ratio(middle["rows_drained"], middle["rq_forking"]),
        "drain_to_rq_simple": ratio(middle["rows_drained"], middle["rq_simple"]),
    }


def _drained(count: int) -> float:
    """A transaction per row, as always: effects and completion commit together."""
    handler = handler_of(do_nothing)
    Job.objects.bulk_create(Job(kind=handler.kind, args={"number": number}, max_attempts=1) for number in range(count))
    with stopwatch() as watch:
        served = 0
        while served < count:  # a drain ends after JOB_DRAIN_SECONDS, and a worker would come back
            served += drain(handler.kind, linger=0)
    return watch.per_second(count)


def _messages(count: int, worker_class: type[BaseWorker]) -> float:
    queue = django_rq.get_queue(QUEUE)
    queue.empty()  # the bells of the rows before
    for number in range(count):
        queue.enqueue(also_nothing, number, result_ttl=0)
    connections.close_all()  # a forked process must not share them
    worker = worker_class([queue], connection=queue.connection)
    with stopwatch() as watch:
        worker.work(burst=True, logging_level=logging.WARNING)
    assert queue.count == 0
    return watch.per_second(count)
