"""A case on one page: why it waits, what was said about it, and what was decided."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from reports.admin.deciding import DecisionForm
from reports.admin.lists import named
from reports.contents import KINDS
from reports.models import Appeal, Case, Decision, LookBack, Proposal, Report, ReporterRecord
from reports.priority import age_part, priority, reliability
from trustengine.audit import reading

LATEST = 20


def page_context(case: Case, request: HttpRequest) -> dict[str, Any]:
    """The parts of its priority in words, its reports, decisions, proposals and appeals, and the trail."""
    about = {"content_type": case.content_type, "content_id": case.content_id}
    proposals = list(Proposal.objects.filter(case=case).select_related("reason", "proposed_by", "settled_by"))
    appeals = list(Appeal.objects.filter(case=case).select_related("appellant", "ruled_by", "decision"))
    may_moderate = request.user.has_perm("reports.moderate_case")
    return {
        "case": case,
        "heading": f"Case {str(case.pk)[-8:]}",
        "parent_title": "Cases",
        "content": named([(case.content_type, case.content_id)], request.user)[case.content_type, case.content_id],
        "is_withdrawn": KINDS[case.content_type].get(case.content_id) is None,
        "is_open": case.state == Case.State.OPEN,
        "priority": priority(case.pressure),
        "parts": [*case.parts, vars(age_part(case.opened_at))],
        "reports": weighed(Report.objects.filter(**about).select_related("reporter", "reason").order_by("-created_at")),
        "report_count": Report.objects.filter(**about).count(),
        "decisions": decisions_about(**about),
        "proposals": proposals,
        "appeals": appeals,
        "trail": reading.trail([case, *proposals, *appeals], request.user, limit=LATEST),
        "author_page": reverse("admin:reports_lookback_author", args=[case.author_id])
        if case.author_id and request.user.has_perm("reports.view_case")
        else "",
        "form": DecisionForm(auto_id="decision_%s"),
        "may_moderate": may_moderate and case.state == Case.State.OPEN,
    }


def weighed(reports: QuerySet[Report]) -> list[tuple[Report, str]]:
    """Reports with how far their reporters are to be believed, in words."""
    shown = list(reports[:LATEST])
    records = ReporterRecord.objects.in_bulk({report.reporter_id for report in shown})
    return [(report, in_words(records.get(report.reporter_id))) for report in shown]


def in_words(record: ReporterRecord | None) -> str:
    """What became of a reporter's earlier reports."""
    if record is None:
        return "no report decided yet"
    decided = record.actioned + record.dismissed
    return f"{record.actioned} of {decided} earlier reports upheld, weighs {reliability(record):.2f}"


def decisions_about(**about: Any) -> list[Decision]:
    """The latest decisions on a content or an author, newest first."""
    decisions = Decision.objects.filter(**about).select_related("reason", "moderator", "text", "superseded_by")
    return list(decisions.order_by("-created_at", "-id")[:LATEST])


def look_backs_at(author_id: Any) -> list[LookBack]:
    return list(LookBack.objects.filter(author=author_id).select_related("started_by").order_by("-created_at")[:LATEST])
