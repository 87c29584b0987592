"""Doing nothing, many times: job rows drained by our runner against one RQ message per job."""

import logging

import django_rq
from rq import SimpleWorker

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
    """Jobs a second, both ways in one unforked process. Asking for the jobs is not counted."""
    drained, messages = _drained(size.drained), _messages(size.messages)
    return {
        "rows_drained_per_second": drained,
        "rq_messages_per_second": messages,
        "drain_to_rq": ratio(drained, messages),
    }


def _drained(count: int) -> float:
    """A transaction per row, as always: effects and completion commit together."""
    handler = handler_of(do_nothing)
    Job.objects.bulk_create(Job(kind=handler.kind, args={"number": number}, max_attempts=1) for number in range(count))
    with stopwatch() as watch:
        served = 0
        while served < count:  # a drain ends after JOB_DRAIN_SECONDS, and a worker would come back
            served += drain(handler.kind)
    return watch.per_second(count)


def _messages(count: int) -> float:
    queue = django_rq.get_queue(QUEUE)
    queue.empty()  # the bells of the rows before
    for number in range(count):
        queue.enqueue(also_nothing, number, result_ttl=0)
    worker = SimpleWorker([queue], connection=queue.connection)
    with stopwatch() as watch:
        worker.work(burst=True, logging_level=logging.WARNING)
    assert queue.count == 0
    return watch.per_second(count)
