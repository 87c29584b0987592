"""The RQ worker class: runs drains in its own process, and stops between two jobs when told to."""

from typing import Any

import structlog
from django.db import close_old_connections
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.worker.base import StopRequested

from trustengine.jobs.runner import stop_requested

logger = structlog.get_logger(__name__)

SIGN_OF_LIFE_SECONDS = 60  # at least so often while it waits; RQ forgets a worker a minute later
PAUSE_SECONDS = 1.0


class DrainWorker(SimpleWorker):
    """Unforked, because a drain keeps its database connection and finishes within seconds."""

    max_connection_wait_time = 5.0  # after an outage of Redis, be back soon

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"worker_ttl": SIGN_OF_LIFE_SECONDS} | kwargs)

    def handle_warm_shutdown_request(self) -> None:
        stop_requested.set()
        super().handle_warm_shutdown_request()

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Give a sign of life; after a flush of Redis it begins with a new registration."""
        if pipeline is None and not self.connection.hexists(self.key, "birth"):
            self.connection.delete(self.key)
            self.register_birth()
        super().heartbeat(timeout, pipeline)

    def execute_job(self, *args: Any, **kwargs: Any) -> None:
        """Run one message as Django runs a request, so that a restarted PostgreSQL is noticed."""
        close_old_connections()
        try:
            super().execute_job(*args, **kwargs)
        finally:
            close_old_connections()


def work(queue: Queue, *, burst: bool = False) -> None:
    """Run the messages of a queue until told to stop, or with ``burst`` until there is none.

    RQ's worker gives up where Redis goes away while it runs something; another then takes
    its place, in this process, until Redis is back.
    """
    stop_requested.clear()
    while not stop_requested.is_set():
        try:
            worker = DrainWorker([queue], connection=queue.connection, serializer=queue.serializer)
            worker.work(burst=burst, logging_level="WARNING")
            if burst:
                return
        except StopRequested:
            return
        except RedisError as error:
            if burst:
                raise
            logger.warning("worker_without_redis", queue=queue.name, error=type(error).__name__)
        stop_requested.wait(PAUSE_SECONDS)
