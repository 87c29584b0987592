"""Proposals to suspend or reinstate users: a second person approves or refuses them."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from trustengine.accounts.models import SuspensionProposal, User
from trustengine.accounts.suspensions import PERMISSION, approve_suspension, refuse_suspension
from trustengine.admin import Area, Card, EvidenceAdmin, Link, name_of, register_links, register_panel
from trustengine.admin.attempting import attempt
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, pill
from trustengine.admin.sidebar import SYSTEM

TONES = {"open": "warning", "approved": "success", "refused": "danger", "withdrawn": ""}
LIST = "accounts_suspensionproposal_changelist"


@admin.register(SuspensionProposal)
class SuspensionProposalAdmin(EvidenceAdmin):
    """Suspensions and reinstatements that were proposed from the users' list."""

    page_title = "Suspensions"
    list_filter = [("state", ChoicesDropdownFilter), ("action", ChoicesDropdownFilter), ("created_at", DayRangeFilter)]
    list_select_related = ["user", "proposed_by", "settled_by"]
    list_display_links = ["action"]
    search_fields = ["=user__id"]
    search_ids = ["id", "user_id"]
    search_help_text = "The id of a proposal or of a user"
    ordering = ["-created_at", "-id"]
    sortable_by = ()
    fields = readonly_fields = ["id", "action", "reason", "state", "created_at", "settled_at"]
    actions = ["approve", "refuse"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="User")
        def whose(proposal: SuspensionProposal) -> str:
            return name_of(proposal.user, request.user)

        return ["action", whose, "reason", "shown_state", "proposed_by", "settled_by", "made"]

    @admin.display(description="State")
    def shown_state(self, proposal: SuspensionProposal) -> SafeString:
        return pill(proposal.state, TONES[proposal.state])

    @admin.display(description="Proposed")
    def made(self, proposal: SuspensionProposal) -> SafeString | str:
        return age(proposal.created_at)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(PERMISSION)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION)

    @admin.action(description="Approve and carry out", permissions=["settle"])
    def approve(self, request: HttpRequest, queryset: QuerySet[SuspensionProposal]) -> None:
        self._settle(request, queryset, approve_suspension, "carried out")

    @admin.action(description="Refuse, or withdraw one's own", permissions=["settle"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[SuspensionProposal]) -> None:
        self._settle(request, queryset, refuse_suspension, "taken back")

    def _settle(
        self, request: HttpRequest, queryset: QuerySet[SuspensionProposal], service: Callable[..., Any], done: str
    ) -> None:
        for proposal in queryset.order_by("pk"):
            name = f"Proposal {str(proposal.pk)[-8:]}"
            attempt(request, name, partial(service, proposal.pk, actor=cast(User, request.user)), done)


@register_panel(Area.CARDS, permission=PERMISSION, order=25)
def suspensions_card(request: HttpRequest) -> Card:
    """Suspensions that this person may approve."""
    waiting = SuspensionProposal.objects.filter(state=SuspensionProposal.State.OPEN)
    counts = waiting.aggregate(all=Count("pk"), own=Count("pk", filter=Q(proposed_by=request.user.pk)))
    others = counts["all"] - counts["own"]
    note = "Second pair of eyes needed." if others else "Nothing waits."
    if counts["own"]:
        note = f"{note} {counts['own']} of your own wait{'s' if counts['own'] == 1 else ''} for somebody else."
    return Card(
        "Suspensions to approve",
        others,
        note,
        "person_off",
        f"{reverse(f'admin:{LIST}')}?state__exact=open",
        urgent=bool(others),
    )


register_links(SYSTEM, Link("Suspensions", LIST, "person_off", permission=PERMISSION, order=32))
