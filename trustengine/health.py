"""Probes: is the process alive, is the system ready to serve, and what do its metrics say?"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.exceptions import RedisError

from trustengine.api.problems import as_json
from trustengine.database.timeouts import Timeouts, stated, timeout_problems
from trustengine.database_time import database_now
from trustengine.deadlines import Deadline, Unanswered
from trustengine.insight import CONTENT_TYPE, exposition
from trustengine.jobs.models import Job
from trustengine.scraping import may_scrape

logger = structlog.get_logger(__name__)

LATE = timedelta(minutes=2)
PROBE_SECONDS = 2.0
TIMEOUTS = Timeouts(statement_ms=1_500, lock_ms=1_500)


class Probes:
    """Answers ``/healthz``, ``/readyz`` and ``/metrics`` before hosts, sessions and redirects have a say.

    A load balancer and Prometheus ask machines by their address: so these three are served
    whatever the ``Host`` header says, over plain HTTP too, and need no session. Nothing
    in their answers is made from the host.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.probes = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = self.probes.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        if request.method not in {"GET", "HEAD"}:
            response: HttpResponse = as_json(405, "METHOD_NOT_ALLOWED", "Only GET and HEAD are allowed here.")
            response["Allow"] = "GET, HEAD"
        else:
            response = probe(request)
        response["Cache-Control"] = "no-store"
        return response


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all. Asks nobody else: restarting it would not bring a database back."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when requests can be served, 503 otherwise, with each check by name.

    Without Redis, with late jobs, and where time-outs of the database do not hold, requests
    are still served: all three are reported and leave the status at ``degraded``, which is
    200. Answers within ``PROBE_SECONDS``, and
    half a second for Redis, whatever state the servers are in.
    """
    checks: dict[str, Any] = {"database": "ok", "redis": "ok", "migrations": "ok", "timeouts": "ok"}
    serving, degraded = True, False
    try:
        pending, age, problems = _database_in_time()
        if pending:
            checks["migrations"], serving = f"{pending} pending", False
        if age is not None:
            checks["oldest_due_job_seconds"] = round(age, 1)
            degraded = age > LATE.total_seconds()
        if problems:
            checks["timeouts"], degraded = "; ".join(problems), True
    except (DatabaseError, InterfaceError, Unanswered) as error:
        logger.warning("database_not_ready", error=type(error).__name__)
        checks["database"], checks["migrations"], checks["timeouts"], serving = "away", "unknown", "unknown", False
    if not _redis_answers():
        checks["redis"], degraded = "away", True
    status = "unavailable" if not serving else "degraded" if degraded else "ok"
    return JsonResponse({"status": status, "checks": checks}, status=200 if serving else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """What Prometheus reads, for those who may."""
    if not may_scrape(request):
        return as_json(403, "PERMISSION_DENIED", "Metrics are for private addresses, or with METRICS_TOKEN.")
    return HttpResponse(exposition(), content_type=CONTENT_TYPE)


def _database() -> tuple[int, float | None, list[str]]:
    """Count the pending migrations; if none is, find the age of the oldest due job. Name time-outs that do not hold."""
    problems = timeout_problems()
    with stated(TIMEOUTS), transaction.atomic():
        if pending := _pending_migrations():
            return pending, None, problems
        oldest = Job.objects.due().order_by("run_at").values_list("run_at", flat=True).first()
    age = max((database_now() - oldest).total_seconds(), 0.0) if oldest else 0.0
    return 0, age, problems


_database_in_time = Deadline(_database, seconds=PROBE_SECONDS)


def _redis_answers() -> bool:
    try:
        with redis.Redis.from_url(settings.REDIS_ADDRESS) as client:
            return bool(client.ping())
    except RedisError:
        return False


_migrated = False


def _pending_migrations() -> int:
    """How many migrations are not applied. Once none is, that is remembered: only a new process brings new ones."""
    global _migrated  # noqa: PLW0603
    if _migrated:
        return 0
    executor = MigrationExecutor(connection)
    pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    _migrated = pending == 0
    return pending
