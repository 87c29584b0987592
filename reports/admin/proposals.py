"""Proposals: decisions that wait for a second person."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from reports.admin.decisions import tone_of
from reports.admin.lists import ModerationList, Saved, SavedFilter, named, person
from reports.models import Proposal
from reports.services.proposals import PERMISSION, approve_proposal, refuse_proposal
from trustengine.accounts.models import User
from trustengine.admin.attempting import attempt
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, pill
from trustengine.audit import reading

OLDEST_FIRST = ("created_at", "id")
TONES = {"open": "warning", "approved": "success", "refused": "danger", "withdrawn": ""}


@admin.register(Proposal)
class ProposalAdmin(ModerationList):
    """Suspensions, and removals on legal grounds: another person than the proposer approves or refuses them."""

    page_title = "Proposals"
    saved = {
        "open": Saved("Open", lambda proposals, viewer: proposals.filter(state=Proposal.State.OPEN), OLDEST_FIRST),
        "for_me": Saved(
            "I may settle",
            lambda proposals, viewer: (
                proposals.filter(state=Proposal.State.OPEN)
                .exclude(proposed_by=viewer.pk)
                .exclude(case__author=viewer.pk)
            ),
            OLDEST_FIRST,
        ),
    }
    list_filter = [SavedFilter, ("state", ChoicesDropdownFilter), ("created_at", DayRangeFilter)]
    list_select_related = ["case__author", "reason", "proposed_by", "settled_by"]
    search_fields = ["id__endswith"]
    search_ids = ["id", "case_id", "case__content_id", "case__author_id"]
    search_help_text = "The id of a proposal, a case, a content or an author"
    ordering = ["-created_at", "-id"]
    list_display_links = ["what"]
    change_form_template = "console/reports/proposal.html"
    actions = ["approve", "refuse"]

    def content_of(self, row: Any) -> Any:
        return row.case

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Proposed by")
        def proposer(proposal: Proposal) -> SafeString | str:
            return person(proposal.proposed_by, request.user)

        @admin.display(description="Settled by")
        def settler(proposal: Proposal) -> SafeString | str:
            return person(proposal.settled_by, request.user)

        return ["what", "content", proposer, "shown_state", settler, "made"]

    @admin.display(description="Proposal")
    def what(self, proposal: Proposal) -> str:
        return f"{proposal.action}: {proposal.reason.label}"

    @admin.display(description="State")
    def shown_state(self, proposal: Proposal) -> SafeString:
        return pill(proposal.state, TONES[proposal.state])

    @admin.display(description="Made")
    def made(self, proposal: Proposal) -> SafeString | str:
        return age(proposal.created_at)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION)

    @admin.action(description="Approve and carry out", permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Proposal]) -> None:
        self._settle(request, queryset, approve_proposal, "carried out")

    @admin.action(description="Refuse, or withdraw one's own", permissions=["moderate"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[Proposal]) -> None:
        self._settle(request, queryset, refuse_proposal, "refused")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.settle_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<uuid:proposal_id>/settle/", view, name="reports_proposal_settle"), *urls]

    def settle_view(self, request: HttpRequest, proposal_id: UUID) -> HttpResponse:
        """Approve or refuse one; the service says who may."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        get_object_or_404(Proposal, pk=proposal_id)
        chosen = Proposal.objects.filter(pk=proposal_id)
        if request.POST.get("settle") == "approve":
            self._settle(request, chosen, approve_proposal, "carried out")
        elif request.POST.get("settle") == "refuse":
            self._settle(request, chosen, refuse_proposal, "refused")
        return redirect("admin:reports_proposal_change", proposal_id)

    def _settle(
        self, request: HttpRequest, queryset: QuerySet[Proposal], service: Callable[..., Any], done: str
    ) -> None:
        for proposal in queryset.order_by("pk"):
            name = f"Proposal {str(proposal.pk)[-8:]}"
            attempt(request, name, partial(service, proposal.pk, approver=cast(User, request.user)), done)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        proposal = self.get_object(request, object_id)
        context = _page(proposal, request) if isinstance(proposal, Proposal) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page


def _page(proposal: Proposal, request: HttpRequest) -> dict[str, Any]:
    case = proposal.case
    key = (case.content_type, case.content_id)
    own = proposal.proposed_by_id == request.user.pk
    is_open = proposal.state == Proposal.State.OPEN
    return {
        "proposal": proposal,
        "tone": TONES[proposal.state],
        "action_tone": tone_of(proposal.action),
        "heading": f"Proposal {str(proposal.pk)[-8:]}",
        "parent_title": "Proposals",
        "content": named([key], request.user)[key],
        "is_own": own,
        "is_stale": is_open and proposal.undoes_id is None and case.version != proposal.case_version,
        "may_approve": is_open and not own and request.user.has_perm(PERMISSION),
        "may_refuse": is_open and (own or request.user.has_perm(PERMISSION)),
        "trail": reading.trail([proposal, case], request.user, limit=20),
    }
