"""Appeals: what is objected to, why, and the ruling of somebody else than the first moderator."""

from datetime import timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from reports.admin.decisions import tone_of
from reports.admin.lists import ModerationList, Saved, SavedFilter, named
from reports.models import Appeal, StatementOfReasons
from reports.services.appeals import PERMISSION, rule
from reports.services.duties import took_two
from trustengine.accounts.models import User
from trustengine.admin import name_of
from trustengine.admin.attempting import attempt
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.identities import in_confidence
from trustengine.admin.presentation import age, pill
from trustengine.audit import reading
from trustengine.database_time import database_now
from trustengine.forms import NormalisedCharField

OLDEST_FIRST = ("created_at", "id")
TONES = {"pending": "warning", "upheld": "", "overturned": "info"}


class RulingForm(forms.Form):
    """What was ruled, and what the appellant is told."""

    ruling = forms.ChoiceField(choices=[("uphold", "uphold"), ("overturn", "overturn")])
    text = NormalisedCharField(max_length=5_000, required=False, widget=UnfoldAdminTextareaWidget({"rows": 5}))


def overdue(appeals: Any, viewer: Any) -> QuerySet[Appeal]:
    """Appeals that have waited longer than they should."""
    late = database_now() - timedelta(hours=settings.CASE_DUE_HOURS["appeals"])
    return appeals.filter(state=Appeal.State.PENDING, created_at__lt=late)  # type: ignore[no-any-return]


@admin.register(Appeal)
class AppealAdmin(ModerationList):
    """Objections to decisions. Each is ruled on its own page, by somebody else than the first moderator."""

    page_title = "Appeals"
    saved = {
        "pending": Saved("Pending", lambda appeals, viewer: appeals.filter(state=Appeal.State.PENDING), OLDEST_FIRST),
        "overdue": Saved("Overdue", overdue, OLDEST_FIRST),
        "for_me": Saved(
            "I may rule on",
            lambda appeals, viewer: (
                appeals.filter(state=Appeal.State.PENDING)
                .exclude(decision__moderator=viewer.pk)
                .exclude(decision__proposal__proposed_by=viewer.pk)
                .exclude(appellant=viewer.pk)
                .exclude(decision__author=viewer.pk)
            ),
            OLDEST_FIRST,
        ),
    }
    list_filter = [
        SavedFilter,
        ("state", ChoicesDropdownFilter),
        ("role", ChoicesDropdownFilter),
        ("created_at", DayRangeFilter),
    ]
    list_select_related = ["decision__reason", "decision__moderator", "appellant", "ruled_by"]
    search_fields = ["text", "id__endswith"]
    search_ids = ["id", "decision_id", "case_id", "appellant_id"]
    confidential_ids = frozenset({"appellant_id"})
    search_help_text = "Words of the appeal, or the id of an appeal, a decision, a case or an appellant"
    ordering = ["-created_at", "-id"]
    list_display_links = ["against"]
    change_form_template = "console/reports/appeal.html"

    def content_of(self, row: Any) -> Any:
        return row.decision

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Appellant")
        def appellant(appeal: Appeal) -> str:
            who = appeal.appellant
            if appeal.role == StatementOfReasons.Role.REPORTER:
                who = in_confidence(who, request.user)
            return f"{name_of(who, request.user)} ({appeal.role})"

        @admin.display(description="First moderator")
        def first(appeal: Appeal) -> str:
            decision = appeal.decision
            return "a rule" if decision.automated else name_of(decision.moderator, request.user)

        return ["against", "content", appellant, first, "shown_state", "made"]

    @admin.display(description="Against")
    def against(self, appeal: Appeal) -> str:
        return f"{appeal.decision.action}: {appeal.decision.reason.label}"

    @admin.display(description="State")
    def shown_state(self, appeal: Appeal) -> SafeString:
        return pill(appeal.state, TONES[appeal.state])

    @admin.display(description="Made")
    def made(self, appeal: Appeal) -> SafeString | str:
        return age(appeal.created_at)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.rule_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<uuid:appeal_id>/rule/", view, name="reports_appeal_rule"), *urls]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        appeal = self.get_object(request, object_id)
        context = _page(appeal, request) if isinstance(appeal, Appeal) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def rule_view(self, request: HttpRequest, appeal_id: UUID) -> HttpResponse:
        """Uphold or overturn, and say what became of it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        appeal = get_object_or_404(Appeal, pk=appeal_id)
        form = RulingForm(request.POST)
        if form.is_valid():
            call = partial(rule, appeal.pk, moderator=cast(User, request.user), **form.cleaned_data)
            name = f"Appeal {str(appeal.pk)[-8:]}"
            overturned = "overturning it is proposed to a second person" if took_two(appeal.decision) else "overturned"
            attempt(request, name, call, "upheld" if form.cleaned_data["ruling"] == "uphold" else overturned)
        for errors in form.errors.values():
            messages.error(request, " ".join(str(error) for error in errors))
        return redirect("admin:reports_appeal_change", appeal.pk)


def _page(appeal: Appeal, request: HttpRequest) -> dict[str, Any]:
    decision = appeal.decision
    key = (decision.content_type, decision.content_id)
    viewer = cast(User, request.user)
    involved = {
        decision.moderator_id,
        appeal.appellant_id,
        decision.author_id,
        getattr(getattr(decision, "proposal", None), "proposed_by_id", None),
    }
    pending = appeal.state == Appeal.State.PENDING
    may_rule = pending and viewer.has_perm(PERMISSION) and viewer.has_perm("reports.moderate_case")
    return {
        "appeal": appeal,
        "decision": decision,
        "tone": TONES[appeal.state],
        "decision_tone": tone_of(decision.action),
        "text": getattr(decision, "text", None),
        "heading": f"Appeal {str(appeal.pk)[-8:]}",
        "parent_title": "Appeals",
        "content": named([key], request.user)[key],
        "form": RulingForm(auto_id="ruling_%s"),
        "may_rule": may_rule and viewer.pk not in involved,
        "is_involved": may_rule and viewer.pk in involved,
        "trail": reading.trail([appeal, decision], request.user, limit=20),
    }
