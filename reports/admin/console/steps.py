"""What a moderator does on the page: open, go on, skip, decide, undo, settle proposals, rule on appeals."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.dateformat import format as formatted
from django.views.decorators.http import require_POST

from reports.admin.console.acting import (
    PROPOSED,
    DecisionForm,
    Outcome,
    attempt,
    carry_out,
    changes_since,
    take_back,
)
from reports.admin.console.listing import Filters, described, take_next
from reports.admin.console.pages import (
    SKIPPED,
    address_of,
    is_part,
    moderator_of,
    show_case,
    show_nothing,
    skipped,
    tell,
)
from reports.models import Action, Appeal, Case, Proposal
from reports.services.appeals import rule
from reports.services.claiming import claim_case, release_case
from reports.services.proposals import approve_proposal, refuse_proposal
from trustengine.accounts.models import User
from trustengine.admin import name_of, register_page
from trustengine.admin.evidence import as_uuid
from trustengine.database_time import database_now

MOST_SKIPPED = 200
MOST_UNDONE = 100
CHANGED = {"CASE_CHANGED", "CASE_CLAIMED", "INVALID_TRANSITION", "NOT_FOUND"}


@register_page("moderation/cases/<uuid:case_id>/open/", "moderation_open")
@require_POST
def open_step(request: HttpRequest, case_id: UUID) -> HttpResponseBase:
    """Claim a case and show it; what somebody else works on is shown to be read."""
    moderator = moderator_of(request)
    _leave(request, moderator, but=case_id)
    outcome = attempt(lambda: claim_case(case_id, moderator=moderator), success="")
    case = _found(case_id)
    told = "" if outcome.refusal in {"CASE_CLAIMED", "INVALID_TRANSITION"} else outcome.words  # the page says it itself
    return show_case(request, case, _filters(request), refused=told)


@register_page("moderation/next/", "moderation_next")
@require_POST
def next_step(request: HttpRequest) -> HttpResponseBase:
    """Claim the most pressing case that nobody works on. ``skip`` puts one aside first; ``afresh`` forgets those."""
    moderator = moderator_of(request)
    _leave(request, moderator)
    if request.POST.get("afresh"):
        request.session[SKIPPED] = []
    put_aside = as_uuid(request.POST.get("skip", ""))
    if put_aside:
        kept = [each for each in skipped(request) if each != put_aside][-MOST_SKIPPED + 1 :]
        request.session[SKIPPED] = [str(each) for each in [*kept, put_aside]]
        attempt(lambda: release_case(put_aside, moderator=moderator), success="")
    return _go_on(request, moderator)


@register_page("moderation/cases/<uuid:case_id>/heartbeat/", "moderation_heartbeat")
@require_POST
def heartbeat_step(request: HttpRequest, case_id: UUID) -> HttpResponseBase:
    """Renew a claim; else say, in words, who has it now. ``version`` tells whether the case has changed meanwhile."""
    moderator = moderator_of(request)
    outcome = attempt(lambda: claim_case(case_id, moderator=moderator), success="")
    case = _found(case_id)
    until = formatted(timezone.localtime(case.claim_expires_at), "H:i") if case.claim_expires_at else ""
    words = outcome.words
    if outcome.refusal == "CASE_CLAIMED":
        words = f"{name_of(case.claimed_by, moderator)} works on this case until {until}."
    return JsonResponse({"held": outcome.is_done, "version": case.version, "until": until, "words": words})


@register_page("moderation/cases/<uuid:case_id>/release/", "moderation_release")
@require_POST
def release_step(request: HttpRequest, case_id: UUID) -> HttpResponseBase:
    """Give a claim up: sent by a page that is being left."""
    moderator = moderator_of(request)
    outcome = attempt(lambda: release_case(case_id, moderator=moderator), success="Given back.")
    if not is_part(request) and request.POST.get("page"):
        messages.info(request, outcome.words)
        return redirect(address_of(_filters(request)))
    return HttpResponse(status=204)


@register_page("moderation/cases/<uuid:case_id>/decide/", "moderation_decide")
@require_POST
def decide_step(request: HttpRequest, case_id: UUID) -> HttpResponseBase:
    """Decide, say what became of it, and go on to the next case; a refusal leaves what was typed where it is."""
    moderator = moderator_of(request)
    case = _found(case_id)
    form = DecisionForm(request.POST)
    if form.is_valid():
        outcome = carry_out(case_id, form.cleaned_data, moderator=moderator, name=_name(case))
    else:
        outcome = Outcome(form.complaint, refusal="INVALID_INPUT")
    if outcome.is_done:
        return _done(request, moderator, case, outcome)
    return _refused(request, moderator, case, outcome, form.cleaned_data if form.is_valid() else {})


@register_page("moderation/undo/", "moderation_undo")
@require_POST
def undo_step(request: HttpRequest) -> HttpResponseBase:
    """Take back the decisions named, the latest first."""
    moderator = moderator_of(request)
    named = [number for text in request.POST.getlist("decision")[:MOST_UNDONE] if (number := as_uuid(text))]
    outcomes = take_back(named, moderator=moderator)
    refusals = [outcome.words for outcome in outcomes if not outcome.is_done]
    proposed = sum(outcome.is_proposed for outcome in outcomes)
    undone = len(outcomes) - len(refusals) - proposed
    words = " ".join(dict.fromkeys(refusals))
    if proposed:
        words = " ".join([PROPOSED, f"{undone} undone." if undone else "", words]).strip()
    elif not refusals:
        words = f"Undone: {undone} decisions." if undone > 1 else "Undone: everything is as it was."
    elif undone:
        words = f"{undone} undone, {len(refusals)} not: {words}"
    if request.POST.get("page"):
        (messages.warning if refusals else messages.success)(request, words)
        return redirect(address_of(_filters(request), as_uuid(request.POST.get("case", ""))))
    return JsonResponse({"undone": undone, "refused": len(refusals), "words": words})


@register_page("moderation/proposals/<uuid:proposal_id>/", "moderation_proposal")
@require_POST
def proposal_step(request: HttpRequest, proposal_id: UUID) -> HttpResponseBase:
    """Approve what somebody else has proposed, or refuse it; one's own is withdrawn."""
    moderator = moderator_of(request)
    proposal = Proposal.objects.select_related("case").filter(pk=proposal_id).first()
    if proposal is None:
        raise Http404
    if request.POST.get("settle") == "approve":
        outcome = attempt(
            lambda: approve_proposal(proposal_id, approver=moderator), success="Approved and carried out."
        )
    else:
        withdrawn = proposal.proposed_by_id == moderator.pk
        outcome = attempt(
            lambda: refuse_proposal(proposal_id, approver=moderator).pk,
            success="Withdrawn: the case waits for another decision."
            if withdrawn
            else "Refused: the case waits again.",
        )
    if not outcome.is_done:
        return _refused(request, moderator, proposal.case, outcome, {})
    if outcome.decision is None:
        return tell(show_case(request, _found(proposal.case_id), _filters(request)), told=_toast(outcome))
    return _done(request, moderator, proposal.case, outcome)


@register_page("moderation/appeals/<uuid:appeal_id>/", "moderation_appeal")
@require_POST
def appeal_step(request: HttpRequest, appeal_id: UUID) -> HttpResponseBase:
    """Rule on an appeal, and go on to the next case."""
    moderator = moderator_of(request)
    appeal = Appeal.objects.select_related("case").filter(pk=appeal_id).first()
    if appeal is None:
        raise Http404
    ruling = request.POST.get("ruling", "")
    text = request.POST.get("text", "").replace("\x00", "")[:5_000]
    success = "Overturned: everything is as it was before." if ruling == "overturn" else "Upheld: the decision stands."
    outcome = attempt(
        lambda: rule(appeal_id, moderator=moderator, ruling=ruling, text=text),
        success=success,
    )
    if not outcome.is_done:
        return _refused(request, moderator, appeal.case, outcome, {})
    attempt(lambda: release_case(appeal.case_id, moderator=moderator), success="")
    return _done(request, moderator, appeal.case, outcome)


def _done(request: HttpRequest, moderator: User, case: Case, outcome: Outcome) -> HttpResponse:
    """Go on, with a toast that says what was done and offers to undo it."""
    if not is_part(request):
        messages.success(request, outcome.words)
    answer = _go_on(request, moderator, but=case.pk)
    return tell(answer, told=_toast(outcome), decided={"cases": [str(case.pk)]})


def _go_on(request: HttpRequest, moderator: User, *, but: UUID | None = None) -> HttpResponse:
    filters = _filters(request)
    passed_over = [*skipped(request), *([but] if but else [])]
    case = take_next(filters, moderator, skipping=passed_over)
    return show_case(request, case, filters) if case else show_nothing(request, filters)


def _refused(
    request: HttpRequest, moderator: User, case: Case, outcome: Outcome, given: dict[str, Any]
) -> HttpResponse:
    """Why nothing was done, above the form, which stays as it was filled in."""
    if not is_part(request):
        messages.warning(request, outcome.words)
        return redirect(address_of(_filters(request), case.pk))
    changes = changes_since(case.pk, given, viewer=moderator) if outcome.refusal in CHANGED else None
    context = {"words": outcome.words, "changes": changes, "case": case, "filters": _filters(request)}
    answer = HttpResponse(render_to_string("console/moderation/refused.html", context, request))
    answer["HX-Retarget"], answer["HX-Reswap"] = "#te-refusal", "innerHTML"
    return answer


def _toast(outcome: Outcome) -> dict[str, Any]:
    decision = outcome.decision
    may_undo = decision is not None and decision.action not in {Action.UNDO, Action.OVERTURN}
    left = (decision.notice_after - database_now()).total_seconds() if decision and may_undo else 0
    return {
        "words": outcome.words,
        "decisions": [str(decision.pk)] if decision and left > 0 else [],
        "seconds": max(0, int(left)),
    }


def _leave(request: HttpRequest, moderator: User, *, but: UUID | None = None) -> None:
    """Give back the case that the page showed before."""
    left = as_uuid(request.POST.get("leaving", ""))
    if left and left != but:
        attempt(lambda: release_case(left, moderator=moderator), success="")


def _filters(request: HttpRequest) -> Filters:
    return Filters.of(QueryDict(request.POST.get("filters", "")[:500]))


def _found(case_id: UUID) -> Case:
    case = Case.objects.select_related("claimed_by").filter(pk=case_id).first()
    if case is None:
        raise Http404
    return case


def _name(case: Case) -> str:
    """Enough to recognise a case by in a message."""
    row = described([case])[0]
    return f"“{row.title[:60]}”"
