"""Jobs and cron slots: what waits, what failed and why, and what an operator may do about it."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from trustengine.admin import Area, Card, EvidenceAdmin, Link, register_links, register_panel
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, duration, pill
from trustengine.admin.sidebar import SYSTEM
from trustengine.database_time import database_now
from trustengine.jobs.models import CronSlot, Job
from trustengine.jobs.registry import handlers
from trustengine.operations.admin.job_pages import errors_page, workers_page
from trustengine.operations.job_services import bury_jobs, retry_jobs

LATE = timedelta(minutes=2)
OPERATE = "jobs.operate_job"
REASON = "staff_action"


class KindFilter(DropdownFilter):
    """The kinds that this version of the code knows."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(handler.kind, handler.kind) for handler in handlers()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class QueueFilter(DropdownFilter):
    """A queue is where a kind runs; the row itself does not know it."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(queue, queue) for queue in sorted({handler.queue for handler in handlers()})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        if not self.value():
            return queryset
        return queryset.filter(kind__in=[handler.kind for handler in handlers() if handler.queue == self.value()])


@admin.register(Job)
class JobAdmin(EvidenceAdmin):
    """Work that was asked for: waiting, running, done, or given up with its error."""

    list_display = ["kind", "shown_state", "key", "tries", "due", "problem", "created"]
    list_display_links = ["kind"]
    list_filter = [("state", ChoicesDropdownFilter), KindFilter, QueueFilter, ("created_at", DayRangeFilter)]
    search_fields = ["kind__startswith", "key__startswith"]
    search_help_text = "A kind, a key, or an id"
    ordering = ["-created_at", "-id"]
    sortable_by = ()
    change_form_template = "console/jobs/job.html"
    fields = ()
    actions = ["retry", "bury"]

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(OPERATE)

    @admin.action(permissions=["operate"], description="Retry dead letters")
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        count = retry_jobs(queryset, actor=request.user, reason=REASON)
        self._tell(request, count, "will be tried again", "No dead letter was among them: nothing was changed.")

    @admin.action(permissions=["operate"], description="Bury waiting jobs")
    def bury(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        count = bury_jobs(queryset, actor=request.user, reason=REASON)
        self._tell(request, count, "buried", "Nothing among them was still waiting: nothing was changed.")

    def _tell(self, request: HttpRequest, count: int, done: str, nothing: str) -> None:
        if count:
            self.message_user(request, f"{count:,} job{'s'[: count != 1]} {done}.", messages.SUCCESS)
        else:
            self.message_user(request, nothing, messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("errors/", view(partial(errors_page, self.admin_site)), name="jobs_job_errors"),
            path("workers/", view(partial(workers_page, self.admin_site)), name="jobs_job_workers"),
            path("<uuid:job_id>/operate/", view(self.operate_view), name="jobs_job_operate"),
        ]
        urls: list[URLPattern] = super().get_urls()
        return own + urls

    def operate_view(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """Retry or bury the one job whose page this came from."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_operate_permission(request):
            raise PermissionDenied
        job = Job.objects.filter(pk=job_id)
        if not job.exists():
            raise Http404
        if request.POST.get("action") == "retry":
            self.retry(request, job)
        elif request.POST.get("action") == "bury":
            self.bury(request, job)
        return redirect("admin:jobs_job_change", job_id)

    @admin.display(description="State")
    def shown_state(self, job: Job) -> SafeString:
        return pill(job.state)

    @admin.display(description="Attempts")
    def tries(self, job: Job) -> str:
        return f"{job.attempts} of {job.max_attempts}"

    @admin.display(description="Due")
    def due(self, job: Job) -> SafeString | str:
        if job.run_at > database_now() and job.state == Job.State.READY:
            return f"in {duration(job.run_at - database_now())}"
        return age(job.run_at)

    @admin.display(description="Last problem")
    def problem(self, job: Job) -> str:
        return str((job.error_details or {}).get("type", "")) or "–"

    @admin.display(description="Asked for")
    def created(self, job: Job) -> SafeString | str:
        return age(job.created_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        job = self.get_object(request, object_id)
        may_operate = self.has_operate_permission(request)
        context = {"job": job, "heading": job.kind, "may_operate": may_operate} if isinstance(job, Job) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page


@admin.register(CronSlot)
class CronSlotAdmin(EvidenceAdmin):
    """Scheduled moments that have been turned into jobs."""

    list_display = ["schedule", "at", "made"]
    list_filter = [("slot", DayRangeFilter)]
    search_fields = ["schedule"]
    ordering = ["-slot", "schedule"]
    sortable_by = ()
    fields = ["schedule", "slot", "created_at"]

    @admin.display(description="Slot")
    def at(self, slot: CronSlot) -> str:
        return f"{timezone.localtime(slot.slot):%d %b %Y, %H:%M}"

    @admin.display(description="Turned into a job")
    def made(self, slot: CronSlot) -> SafeString | str:
        return age(slot.created_at)


@register_panel(Area.CARDS, permission="jobs.view_job", order=50)
def due_jobs(request: HttpRequest) -> Card:
    waiting = Job.objects.due().aggregate(count=Count("pk"), oldest=Min("run_at"))
    age_of_oldest = database_now() - waiting["oldest"] if waiting["oldest"] else timedelta()
    note = f"the oldest for {duration(age_of_oldest)}" if age_of_oldest >= timedelta(minutes=1) else "all of them fresh"
    return Card(
        "Due jobs",
        waiting["count"],
        note if waiting["count"] else "Nothing waits.",
        "schedule",
        reverse("admin:jobs_job_changelist") + "?state__exact=ready",
        urgent=age_of_oldest > LATE,
    )


@register_panel(Area.CARDS, permission="jobs.view_job", order=51)
def dead_letters(request: HttpRequest) -> Card:
    dead = Job.objects.filter(state=Job.State.DEAD).aggregate(
        count=Count("pk"), today=Count("pk", filter=Q(dead_letter_at__gte=database_now() - timedelta(days=1)))
    )
    return Card(
        "Dead letters",
        dead["count"],
        f"{dead['today']} in the last day" if dead["count"] else "Every job has found its end.",
        "report",
        reverse("admin:jobs_job_changelist") + "?state__exact=dead",
        urgent=bool(dead["count"]),
    )


register_links(
    SYSTEM,
    Link("Jobs", "jobs_job_changelist", "manufacturing", permission="jobs.view_job", order=10),
    Link("Job errors", "jobs_job_errors", "report", permission="jobs.view_job", order=12),
    Link("Workers", "jobs_job_workers", "engineering", permission="jobs.view_job", order=14),
    Link("Cron slots", "jobs_cronslot_changelist", "event_repeat", permission="jobs.view_cronslot", order=20),
)
