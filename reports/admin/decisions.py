"""Decisions as evidence, and what people were told of them."""

from functools import partial
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, RelatedDropdownFilter

from reports.admin.lists import ModerationList, Saved, SavedFilter, confidential, named, person
from reports.admin.people import StaffFilter
from reports.models import Action, Decision, StatementOfReasons
from reports.services.deciding import undo
from reports.services.duties import took_two
from reports.services.statements import full_text
from trustengine.accounts.models import User
from trustengine.admin.attempting import attempt
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, pill
from trustengine.audit import reading
from trustengine.database_time import database_now

NEWEST_FIRST = ("-created_at", "-id")
TONES = {
    "approve": "success",
    "restore": "success",
    "dismiss": "",
    "undo": "",
    "overturn": "info",
    "warn": "warning",
}


class DecidedByFilter(StaffFilter):
    title = "moderator"
    parameter_name = "moderator"
    column = "moderator"


def tone_of(action: str) -> str:
    """What limits somebody is shown in red."""
    return TONES.get(action, "danger")


@admin.register(Decision)
class DecisionAdmin(ModerationList):
    """What was decided, by whom and why. A change of mind is another decision; none is ever changed."""

    page_title = "Decisions"
    saved = {
        "mine": Saved("Mine", lambda decisions, viewer: decisions.filter(moderator=viewer.pk), NEWEST_FIRST),
        "undoable": Saved(
            "May still be undone",
            lambda decisions, viewer: decisions.filter(notice_after__gt=database_now(), superseded_by=None).exclude(
                action__in=[Action.UNDO, Action.OVERTURN]
            ),
            NEWEST_FIRST,
        ),
    }
    list_filter = [
        SavedFilter,
        ("action", ChoicesDropdownFilter),
        ("reason", RelatedDropdownFilter),
        ("automated", BooleanRadioFilter),
        DecidedByFilter,
        ("content_type", ChoicesDropdownFilter),
        ("created_at", DayRangeFilter),
    ]
    list_select_related = ["reason", "moderator", "author", "superseded_by"]
    search_fields = ["id__endswith"]
    search_ids = ["id", "content_id", "case_id", "author_id"]
    search_help_text = "The id of a decision, a content, a case or an author"
    ordering = NEWEST_FIRST
    list_display_links = ["shown_action"]
    change_form_template = "console/reports/decision.html"
    actions = ["undo"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="By")
        def by(decision: Decision) -> SafeString | str:
            return "a rule" if decision.automated else person(decision.moderator, request.user)

        @admin.display(description="Author")
        def author(decision: Decision) -> SafeString | str:
            return person(decision.author, request.user)

        return ["shown_action", "why", "content", author, by, "stands", "taken"]

    @admin.display(description="Action")
    def shown_action(self, decision: Decision) -> SafeString:
        return pill(decision.action, tone_of(decision.action))

    @admin.display(description="Reason")
    def why(self, decision: Decision) -> str:
        return decision.reason.label

    @admin.display(description="Stands")
    def stands(self, decision: Decision) -> str:
        later = getattr(decision, "superseded_by", None)
        return f"no: {later.action}" if later else "yes"

    @admin.display(description="Taken")
    def taken(self, decision: Decision) -> SafeString | str:
        return age(decision.created_at)

    @admin.action(description="Undo", permissions=["moderate"])
    def undo(self, request: HttpRequest, queryset: QuerySet[Decision]) -> None:
        for decision in queryset.order_by("pk"):
            name = f"Decision {str(decision.pk)[-8:]}"
            done = "proposed to a second person" if took_two(decision) else "undone"
            attempt(request, name, partial(undo, decision.pk, moderator=cast(User, request.user)), done)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        decision = self.get_object(request, object_id)
        context = _page(decision, request) if isinstance(decision, Decision) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page


def _page(decision: Decision, request: HttpRequest) -> dict[str, Any]:
    key = (decision.content_type, decision.content_id)
    names = [*decision.before, *(name for name in decision.after if name not in decision.before)]
    return {
        "decision": decision,
        "heading": f"Decision {str(decision.pk)[-8:]}",
        "parent_title": "Decisions",
        "tone": tone_of(decision.action),
        "content": named([key], request.user)[key],
        "text": getattr(decision, "text", None),
        "superseded_by": getattr(decision, "superseded_by", None),
        "may_be_undone": decision.notice_after > database_now(),
        "changes": [(name.replace("_", " "), decision.before.get(name), decision.after.get(name)) for name in names],
        "statements": list(decision.statements.select_related("recipient").order_by("created_at", "pk")),
        "appeals": list(decision.appeals.select_related("appellant", "ruled_by").order_by("created_at", "pk")),
        "proposal": getattr(decision, "proposal", None),
        "trail": reading.trail([decision], request.user, limit=20),
    }


@admin.register(StatementOfReasons)
class StatementAdmin(ModerationList):
    """What people were told of decisions, as they were told."""

    page_title = "Statements of reasons"
    saved = {
        "unsent": Saved(
            "Not mailed", lambda statements, viewer: statements.filter(mailed_at=None), ("created_at", "id")
        )
    }
    list_filter = [SavedFilter, ("role", ChoicesDropdownFilter), ("created_at", DayRangeFilter)]
    list_select_related = ["decision__reason", "recipient"]
    search_fields = ["id__endswith"]
    search_ids = ["id", "decision_id", "recipient_id"]
    confidential_ids = frozenset({"recipient_id"})
    search_help_text = "The id of a statement, of a decision or of a recipient"
    ordering = ["-created_at", "-id"]
    list_display_links = ["told"]
    change_form_template = "console/reports/statement.html"

    def content_of(self, row: Any) -> Any:
        return row.decision

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Recipient")
        def recipient(statement: StatementOfReasons) -> SafeString | str:
            shown = confidential if statement.role == StatementOfReasons.Role.REPORTER else person
            return shown(statement.recipient, request.user)

        return ["told", "content", recipient, "role", "made", "mailed"]

    @admin.display(description="About")
    def told(self, statement: StatementOfReasons) -> str:
        return f"{statement.decision.action}: {statement.decision.reason.label}"

    @admin.display(description="Made")
    def made(self, statement: StatementOfReasons) -> SafeString | str:
        return age(statement.created_at)

    @admin.display(description="Mailed")
    def mailed(self, statement: StatementOfReasons) -> SafeString | str:
        return age(statement.mailed_at) if statement.mailed_at else "no"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        context = (
            {"statement": found, "full_text": full_text(found), "heading": "Statement of reasons"}
            if isinstance(found, StatementOfReasons)
            else {}
        )
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page
