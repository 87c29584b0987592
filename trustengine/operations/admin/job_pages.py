"""Two pages beside the list of jobs: errors by kind, and the workers."""

from datetime import timedelta
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from trustengine.database_time import database_now
from trustengine.operations.job_overview import SeenWorker, last_errors, leases, overview_by_kind, workers

SILENT = timedelta(minutes=2)  # a worker that waits gives a sign of life at least every minute


def errors_page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """For every kind with jobs that are not done: how many, since when, and how they fail."""
    return _page(site, request, "console/jobs/errors.html", "Job errors", {"kinds": overview_by_kind()})


def workers_page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The worker processes, and what is claimed. Without Redis the second half remains."""
    seen = workers()
    failed = last_errors([worker.place for worker in seen or ()])
    rows = [(worker, failed.get(worker.place), _is_silent(worker)) for worker in seen or ()]
    context = {"workers": rows, "redis_is_away": seen is None, "leases": leases()}
    return _page(site, request, "console/jobs/workers.html", "Workers", context)


def _page(site: AdminSite, request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    if not request.user.has_perm("jobs.view_job"):
        raise PermissionDenied
    return TemplateResponse(request, template, site.each_context(request) | {"title": title} | context)


def _is_silent(worker: SeenWorker) -> bool:
    """Whether a worker that has nothing to do has not been heard of for too long."""
    idle = not worker.runs
    return idle and (worker.heartbeat_at is None or worker.heartbeat_at < database_now() - SILENT)
