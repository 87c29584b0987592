"""Deciding on many cases: first what would happen to each, then each in a transaction of its own."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from reports.admin.console.acting import DecisionForm, carry_out
from reports.admin.console.choices import BY_ACTION, CHOICES, Choice, fitting, reasons
from reports.admin.console.listing import Filters, Row, described
from reports.admin.console.pages import address_of, is_part, moderator_of, tell
from reports.contents import kind_of
from reports.models import Action, Case, ContentType, Report
from reviews.models import Review, VendorReply
from trustengine.accounts.models import User
from trustengine.admin import name_of, register_page
from trustengine.admin.evidence import as_uuid

MOST = 100
Lines = list[tuple[Row, str]]
# What takes a second person is proposed case by case.
IN_BATCH = tuple(choice for choice in CHOICES if choice.action != Action.SUSPEND)


@register_page("moderation/batch/", "moderation_batch")
@require_POST
def batch_step(request: HttpRequest) -> HttpResponseBase:
    """Preview a decision on the selected cases; with ``confirmed``, take it."""
    moderator = moderator_of(request)
    cases = _selected(request)
    if not cases:
        return _nothing_selected(request)
    if request.POST.get("confirmed"):
        return _carried_out(request, moderator, cases)
    previews = _previews(cases, moderator)
    chosen = BY_ACTION.get(request.POST.get("action", ""))
    choice = chosen if chosen in previews else _suggested(previews)
    lines = previews[choice]
    context: dict[str, Any] = {
        "lines": lines,
        "fit": _fitting(lines),
        "choice": choice,
        "choices": IN_BATCH,
        "reasons": reasons(),
        "limit": MOST,
        "selected": len(set(request.POST.getlist("selected"))),
    }
    if not is_part(request):
        page = admin.site.each_context(request) | context | {"title": "Decide on several cases"}
        return TemplateResponse(request, "console/moderation/batch_page.html", page)
    return HttpResponse(render_to_string("console/moderation/batch.html", context, request))


def _carried_out(request: HttpRequest, moderator: User, cases: list[Case]) -> HttpResponse:
    """One by one, at the versions that the preview showed."""
    results: list[tuple[Row, str, bool]] = []
    decisions: list[str] = []
    done: list[str] = []
    seconds = 0
    for row in described(cases):
        if f"version_{row.case.pk}" not in request.POST:
            results.append((row, "Left as it is.", False))
            continue
        form = DecisionForm({**request.POST.dict(), "version": request.POST.get(f"version_{row.case.pk}", "")})
        if not form.is_valid():
            results.append((row, form.complaint, False))
            continue
        outcome = carry_out(row.case.pk, form.cleaned_data, moderator=moderator, name=f"“{row.title[:60]}”")
        results.append((row, outcome.words, outcome.is_done))
        if outcome.is_done:
            done.append(str(row.case.pk))
        if outcome.decision:
            decisions.append(str(outcome.decision.pk))
            length = outcome.decision.notice_after - outcome.decision.created_at
            seconds = int(length.total_seconds())
    words = f"{len(done)} of {len(cases)} decided."
    if not is_part(request):
        messages.info(request, words)
        return redirect(address_of(Filters()))
    context = {"results": results, "words": words, "all_done": len(done) == len(cases)}
    answer = HttpResponse(render_to_string("console/moderation/batch_done.html", context, request))
    return tell(answer, told={"words": words, "decisions": decisions, "seconds": seconds}, decided={"cases": done})


def _nothing_selected(request: HttpRequest) -> HttpResponse:
    if not is_part(request):
        messages.info(request, "Select some cases first.")
        return redirect(address_of(Filters()))
    return HttpResponse(render_to_string("console/moderation/batch.html", {"lines": []}, request))


def _selected(request: HttpRequest) -> list[Case]:
    named = dict.fromkeys(number for text in request.POST.getlist("selected")[: 2 * MOST] if (number := as_uuid(text)))
    found = Case.objects.select_related("claimed_by").in_bulk(list(named)[:MOST])
    return [found[number] for number in named if number in found]


def _previews(cases: list[Case], moderator: User) -> dict[Choice, Lines]:
    """For each action, the cases with why it would not be carried out, "" where it would."""
    contents, reported, rows = _contents(cases), _with_pending_reports(cases), described(cases)
    previews: dict[Choice, Lines] = {choice: [] for choice in IN_BATCH}
    for row in rows:
        content = contents.get((row.case.content_type, row.case.content_id))
        for choice, lines in previews.items():
            lines.append((row, _problem(row.case, content, reported, choice, moderator)))
    return previews


def _suggested(previews: dict[Choice, Lines]) -> Choice:
    """What fits most cases, of the actions that are against nobody."""
    return max((choice for choice in previews if choice.reason), key=lambda choice: _fitting(previews[choice]))


def _fitting(lines: Lines) -> int:
    return sum(1 for _, problem in lines if not problem)


def _problem(case: Case, content: Any, reported: set[tuple[str, UUID]], choice: Choice, moderator: User) -> str:
    if case.state != Case.State.OPEN:
        return "Closed meanwhile."
    if content is None:
        return "The content has been withdrawn."
    if case.is_claimed and case.claimed_by_id != moderator.pk:
        return f"{name_of(case.claimed_by, moderator)} works on it."
    if case.author_id == moderator.pk:
        return "It is your own."
    if case.queue == Case.Queue.APPEALS:
        return "An appeal is ruled on case by case."
    waits = any(revision.state == "pending" for revision in _revisions(content))
    key = (case.content_type, case.content_id)
    fit = fitting(case, content, waits=waits, is_reported=key in reported)
    return "" if choice in fit else f"“{choice.label}” does not fit: {_state(content)}."


def _contents(cases: list[Case]) -> dict[tuple[str, UUID], Any]:
    """Contents with their texts, in a fixed number of queries."""
    found: dict[tuple[str, UUID], Any] = {}
    for content_type in ContentType:
        ids = [case.content_id for case in cases if case.content_type == content_type]
        rows = kind_of(content_type).all().filter(pk__in=ids)
        if content_type != ContentType.PRODUCT:
            rows = rows.prefetch_related("revisions")
        found |= {(content_type.value, content.pk): content for content in (rows if ids else [])}
    return found


def _with_pending_reports(cases: list[Case]) -> set[tuple[str, UUID]]:
    pending = Report.objects.pending().filter(content_id__in=[case.content_id for case in cases])
    return set(pending.values_list("content_type", "content_id"))


def _revisions(content: Any) -> list[Any]:
    return list(content.revisions.all()) if isinstance(content, Review | VendorReply) else []


def _state(content: Any) -> str:
    if content.removed_at:
        return "it is removed"
    if content.is_hidden:
        return "it is hidden"
    if not isinstance(content, Review | VendorReply):
        return "it is offered" if content.is_active else "it is not offered"
    return f"it is {content.status}"
