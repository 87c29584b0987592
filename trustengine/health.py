"""Is the process alive, and is the system ready to serve?"""

from datetime import timedelta
from typing import Any

import django_rq
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from redis.exceptions import RedisError

from trustengine.jobs.models import Job

LATE = timedelta(minutes=2)


def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when requests can be served, 503 otherwise, with each check by name.

    Without Redis, and with late jobs, requests are still served: both are reported and
    leave the status at ``degraded``, which is 200.
    """
    checks: dict[str, Any] = {"database": "ok", "redis": "ok", "migrations": "ok"}
    serving, degraded = True, False
    try:
        plan = _pending_migrations()
        if plan:
            checks["migrations"], serving = f"{plan} pending", False
        oldest = Job.objects.due().order_by("run_at").values_list("run_at", flat=True).first()
        age = max((timezone.now() - oldest).total_seconds(), 0.0) if oldest else 0.0
        checks["oldest_due_job_seconds"] = round(age, 1)
        degraded = age > LATE.total_seconds()
    except DatabaseError:
        checks["database"], checks["migrations"], serving = "away", "unknown", False
    try:
        django_rq.get_connection("default").ping()
    except RedisError:
        checks["redis"], degraded = "away", True
    status = "unavailable" if not serving else "degraded" if degraded else "ok"
    return JsonResponse({"status": status, "checks": checks}, status=200 if serving else 503)


_migrated = False


def _pending_migrations() -> int:
    """How many migrations are not applied. Once none is, that is remembered: only a new process brings new ones."""
    global _migrated  # noqa: PLW0603
    if _migrated:
        connection.ensure_connection()
        return 0
    executor = MigrationExecutor(connection)
    pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    _migrated = pending == 0
    return pending
