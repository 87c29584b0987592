"""The RQ worker class: runs drains in its own process, and stops between two jobs when told to."""

from typing import Any

from django.db import close_old_connections
from rq import SimpleWorker

from trustengine.jobs.runner import stop_requested


class DrainWorker(SimpleWorker):
    """Unforked, because a drain keeps its database connection and finishes within seconds."""

    max_connection_wait_time = 5.0  # after an outage of Redis, be back soon

    def handle_warm_shutdown_request(self) -> None:
        stop_requested.set()
        super().handle_warm_shutdown_request()

    def execute_job(self, *args: Any, **kwargs: Any) -> None:
        """Run one message as Django runs a request, so that a restarted PostgreSQL is noticed."""
        close_old_connections()
        try:
            super().execute_job(*args, **kwargs)
        finally:
            close_old_connections()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        stop_requested.clear()
        super().__init__(*args, **kwargs)
