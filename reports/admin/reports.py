"""Reports as evidence: what was said about which content, what it looked like then, and what came of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from reports.admin.case_page import in_words
from reports.admin.lists import ModerationList, Saved, SavedFilter, confidential, named
from reports.contents import KINDS
from reports.models import Report, ReporterRecord
from reports.services.reading_evidence import EvidenceBytes, read_original, read_preview
from reviews.admin.differences import difference
from trustengine.accounts.models import User
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, pill
from trustengine.audit import reading
from trustengine.database_time import database_now
from trustengine.errors import DomainError, NotFound

OLDEST_FIRST = ("created_at", "id")
TONES = {"pending": "warning", "actioned": "danger", "dismissed": "", "moot": "", "withdrawn": ""}
TEXTS = {"title", "comment", "text", "description"}
PARENTS = {"product", "review"}  # ids of what the content belongs to, which never change


def overdue(reports: Any, viewer: Any) -> QuerySet[Report]:
    """Reports that have waited longer than they should."""
    late = database_now() - timedelta(hours=settings.CASE_DUE_HOURS["reports"])
    return reports.pending().filter(created_at__lt=late)  # type: ignore[no-any-return]


@admin.register(Report)
class ReportAdmin(ModerationList):
    """Who reported what, and why. Outcomes follow from decisions on cases, never from this list."""

    page_title = "Reports"
    saved = {
        "pending": Saved("Pending", lambda reports, viewer: reports.pending(), OLDEST_FIRST),
        "overdue": Saved("Overdue", overdue, OLDEST_FIRST),
    }
    list_filter = [
        SavedFilter,
        ("status", ChoicesDropdownFilter),
        ("reason", RelatedDropdownFilter),
        ("content_type", ChoicesDropdownFilter),
        ("created_at", DayRangeFilter),
    ]
    list_select_related = ["reporter", "reason", "case"]
    search_fields = ["description", "id__endswith"]
    search_ids = ["id", "content_id", "case_id", "reporter_id"]
    confidential_ids = frozenset({"reporter_id"})
    search_help_text = "Words of a description, or the id of a report, a content, a case or a reporter"
    ordering = ["-created_at", "-id"]
    list_display_links = ["why"]
    change_form_template = "console/reports/report.html"

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Reporter")
        def reporter(report: Report) -> SafeString | str:
            return confidential(report.reporter, request.user)

        return ["why", "content", "said", reporter, "outcome", "made"]

    @admin.display(description="Reason")
    def why(self, report: Report) -> str:
        return report.reason.label

    @admin.display(description="Description")
    def said(self, report: Report) -> str:
        text = report.description
        return f"{text[:100]}…" if len(text) > 101 else text or "–"

    @admin.display(description="Outcome")
    def outcome(self, report: Report) -> SafeString:
        return pill(report.status, TONES[report.status])

    @admin.display(description="Made")
    def made(self, report: Report) -> SafeString | str:
        return age(report.created_at)

    def get_urls(self) -> list[URLPattern]:
        original = self.admin_site.admin_view(self.evidence_view)
        preview = self.admin_site.admin_view(self.preview_view)
        urls: list[URLPattern] = super().get_urls()
        return [
            path("evidence/<uuid:evidence_id>/", original, name="reports_report_evidence"),
            path("evidence/<uuid:evidence_id>/preview/", preview, name="reports_report_evidence_preview"),
            *urls,
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        report = self.get_object(request, object_id)
        context = _page(report, request) if isinstance(report, Report) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def evidence_view(self, request: HttpRequest, evidence_id: UUID) -> HttpResponse:
        """A file that a reporter added, to be saved rather than opened here."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return _served(lambda: read_original(evidence_id, reader=cast(User, request.user), door="console"))

    def preview_view(self, request: HttpRequest, evidence_id: UUID) -> HttpResponse:
        """A picture that a reporter added, encoded anew and small, to be looked at here."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return _served(lambda: read_preview(evidence_id, reader=cast(User, request.user), door="console"))


def _served(read: Callable[[], EvidenceBytes]) -> HttpResponse:
    try:
        return read().as_answer()
    except NotFound as missing:
        raise Http404 from missing
    except DomainError as problem:
        return HttpResponse(problem.detail, status=problem.status, content_type="text/plain; charset=utf-8")


def _page(report: Report, request: HttpRequest) -> dict[str, Any]:
    kind = KINDS[report.content_type]
    content = kind.get(report.content_id)
    key = (report.content_type, report.content_id)
    return {
        "report": report,
        "heading": f"Report {str(report.pk)[-8:]}",
        "parent_title": "Reports",
        "content": named([key], request.user)[key],
        "compared": compared(report.snapshot, kind.snapshot(content) if content is not None else None),
        "is_withdrawn": content is None,
        "record": in_words(ReporterRecord.objects.filter(user=report.reporter_id).first()),
        "evidence": list(report.evidence.order_by("created_at", "pk")),
        "tone": TONES[report.status],
        "trail": reading.trail([report], request.user, limit=20),
    }


def compared(then: dict[str, Any], now: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The content as reported beside the content as it is; words that changed are marked in a text."""
    rows = []
    order = [*(name for name in then if name in TEXTS), *(name for name in then if name not in TEXTS | PARENTS)]
    for name in order:
        before = then[name]
        after = now.get(name) if now is not None else None
        is_text = name in TEXTS
        changed = now is not None and before != after
        shown = difference(str(before or ""), str(after or "")) if is_text and changed else after
        rows.append(
            {
                "name": name.replace("_", " "),
                "then": before,
                "now": shown,
                "changed": changed,
                "is_text": is_text,
            }
        )
    return rows
