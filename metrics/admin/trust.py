"""Trust and safety in the console: what waits, what was found, what was decided and how long it took."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import conditional_page

from metrics.access import SEE_TRUST
from metrics.charts import Chart, Line
from metrics.pages.choosing import Choice
from metrics.presenting import count, percent
from metrics.trust import MOST_DAYS, trust
from reports.models import Case, ReasonCode
from reviews.models import Screening
from reviews.screening.catalogue import KINDS
from trustengine.admin import Link, register_links, register_page
from trustengine.admin.presentation import duration
from trustengine.admin.sidebar import MODERATION

MOST_LINES = 12
VERDICTS: tuple[tuple[str, str, str], ...] = (
    (Screening.Verdict.APPROVE, "Approved by rule", "--db-main"),
    (Screening.Verdict.QUEUE, "Left to a moderator", "--db-quiet-line"),
    (Screening.Verdict.RESTRICT, "Restricted", "--db-warm"),
    (Screening.Verdict.REJECT, "Rejected by rule", "--db-bad"),
)


@register_page("trust/", "metrics_trust")
@conditional_page
def trust_page(request: HttpRequest) -> HttpResponse:
    """The whole page; ``part`` asks for the figures alone, to refresh them."""
    if not request.user.has_perm(SEE_TRUST):
        raise PermissionDenied
    choice = Choice.of(request, most=MOST_DAYS)
    found = trust(choice.period)
    states = found["reviews"]
    context = {
        "title": "Trust & safety",
        "choice": choice,
        "here": choice.query(),
        "found": found,
        "chart": verdict_chart(choice.period.days, found["screenings"]),
        "states": bars({row["state"]: row["count"] for row in states}),
        "review_count": sum(row["count"] for row in states),
        "signals": bars({_title_of(row["signal"]): row["count"] for row in found["signals"]}),
        "queues": [{**row, "title": Case.Queue(row["queue"]).label} for row in found["queues"]],
        "decisions": decisions_by_reason(found["decisions"]),
        "decision_count": sum(row["count"] for row in found["decisions"]),
        "median": _time(found["decision_seconds"]["median"]),
        "p90": _time(found["decision_seconds"]["p90"]),
        "overturned": percent(found["appeals"]["overturned_rate"]),
    }
    if "part" in request.GET:
        return TemplateResponse(request, "console/metrics/trust_figures.html", context).render()
    context = admin.site.each_context(request) | context
    return TemplateResponse(request, "console/metrics/trust.html", context).render()


def verdict_chart(days: Sequence[date], rows: Sequence[Mapping[str, Any]]) -> Chart:
    """What screening made of the texts of each day."""
    counts = {(row["day"], row["verdict"]): row["count"] for row in rows}
    by_verdict = [[counts.get((day, verdict), 0) for day in days] for verdict, _, _ in VERDICTS]
    totals = [f"{count(sum(each))} {title.lower()}" for each, (_, title, _) in zip(by_verdict, VERDICTS, strict=True)]
    return Chart(
        "verdicts",
        "Screening",
        f"{', '.join(totals)}." if rows else "No text was screened in this time.",
        [f"{day:%d %b}" for day in days],
        [Line(title, each, colour) for each, (_, title, colour) in zip(by_verdict, VERDICTS, strict=True)],
        ["Day", *(title for _, title, _ in VERDICTS)],
        [(f"{day:%a %d %b %Y}", *(count(each[number]) for each in by_verdict)) for number, day in enumerate(days)],
        stacked=True,
        is_empty=not rows,
    )


def bars(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Names with their numbers, each with its length against the greatest; no more lines than one reads."""
    most = max(counts.values(), default=0)
    return [
        {"title": title, "count": number, "percent": round(100 * number / most) if most else 0}
        for title, number in list(counts.items())[:MOST_LINES]
    ]


def decisions_by_reason(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The most frequent decisions, with their reasons in words."""
    labels = dict(ReasonCode.objects.values_list("pk", "label"))
    return [{**row, "reason": labels.get(row["reason"], row["reason"])} for row in rows[:MOST_LINES]]


def _title_of(signal: str) -> str:
    kind = KINDS.get(signal)
    return kind.title if kind else signal.replace("_", " ").capitalize()


def _time(seconds: int | None) -> str:
    if seconds is None:
        return "–"
    return duration(timedelta(seconds=seconds)) if seconds >= 60 else "under a minute"


register_links(MODERATION, Link("Trust & safety", "metrics_trust", "health_and_safety", permission=SEE_TRUST, order=58))
