"""Cases as a list: what waits in which queue, who works on it, and decisions on many at once."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.forms import ActionForm

from reports.admin.case_page import page_context
from reports.admin.deciding import ACTIONS, DEFAULT_REASONS, NONE_SEEN, DecisionForm, decide_one, name_of_case, reasons
from reports.admin.lists import ModerationList, Saved, SavedFilter, person
from reports.models import Case
from reports.priority import priority
from reports.services.claiming import claim_case, release_case
from trustengine.accounts.models import User
from trustengine.admin.attempting import attempt
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, duration, pill
from trustengine.database_time import database_now

SEEN = "seen"
PRESSING = ("-pressure", "pk")
QUEUE_TONES = {"appeals": "danger", "reports": "warning", "restricted": "info", "pending": ""}


class CaseActionForm(ActionForm):
    """The bulk actions, with a reason for those that need one."""

    reason = forms.ChoiceField(
        label="",
        required=False,
        choices=reasons,
        widget=forms.Select(
            {
                "class": "te-select",
                "aria-label": "Reason",
                "x-show": "!['', 'claim', 'release', 'delete_selected'].includes(action)",
            }
        ),
    )


def _open_in(queue: str) -> Callable[[Any, Any], QuerySet[Case]]:
    return lambda cases, viewer: cases.open().filter(queue=queue)


@admin.register(Case)
class CaseAdmin(ModerationList):
    """All cases, open and closed. What moderators decide quickly is the console; this is for searching and for many."""

    page_title = "Cases"
    saved = {
        "open": Saved("Open", lambda cases, viewer: cases.open(), PRESSING),
        "overdue": Saved("Overdue", lambda cases, viewer: cases.overdue(), ("due_at", "pk")),
        "mine": Saved(
            "Mine",
            lambda cases, viewer: cases.open().filter(claimed_by=viewer.pk, claim_expires_at__gt=database_now()),
            PRESSING,
        ),
        **{queue.value: Saved(queue.label, _open_in(queue), PRESSING) for queue in Case.Queue},
    }
    list_filter = [
        SavedFilter,
        ("queue", ChoicesDropdownFilter),
        ("state", ChoicesDropdownFilter),
        ("content_type", ChoicesDropdownFilter),
        ("opened_at", DayRangeFilter),
    ]
    list_select_related = ["author", "claimed_by"]
    search_fields = ["id__endswith"]
    search_ids = ["id", "content_id", "author_id"]
    search_help_text = "The id of a case, of a content or of an author"
    ordering = ["-opened_at", "-id"]
    list_display_links = ["case"]
    change_form_template = "console/reports/case.html"
    action_form = CaseActionForm

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Author")
        def author(case: Case) -> SafeString | str:
            return person(case.author, request.user)

        @admin.display(description="Worked on by")
        def holder(case: Case) -> SafeString | str:
            return person(case.claimed_by if case.is_claimed else None, request.user)

        return ["case", "content", author, "shown_queue", "weight", "due", holder]

    @admin.display(description="Case")
    def case(self, case: Case) -> SafeString:
        return format_html(
            '<input type="hidden" name="{}_{}" value="{}">{}', SEEN, case.pk, case.version, str(case.pk)[-8:]
        )

    @admin.display(description="Queue")
    def shown_queue(self, case: Case) -> SafeString:
        if case.state == Case.State.CLOSED:
            return pill("closed", "")
        return pill(case.get_queue_display().lower(), QUEUE_TONES[case.queue])

    @admin.display(description="Priority")
    def weight(self, case: Case) -> str:
        return "–" if case.state == Case.State.CLOSED else f"{priority(case.pressure):,.1f}"

    @admin.display(description="Due")
    def due(self, case: Case) -> SafeString | str:
        if case.state == Case.State.CLOSED:
            return format_html("closed {}", age(case.closed_at))
        left = case.due_at - database_now()
        return pill(f"overdue {duration(-left)}", "danger") if left.total_seconds() < 0 else f"in {duration(left)}"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        case = self.get_object(request, object_id)
        context = page_context(case, request) if isinstance(case, Case) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.decide_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<uuid:case_id>/decide/", view, name="reports_case_decide"), *urls]

    def decide_view(self, request: HttpRequest, case_id: UUID) -> HttpResponse:
        """Take one decision with words of its own, and say what became of it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_moderate_permission(request):
            raise PermissionDenied
        case = get_object_or_404(Case, pk=case_id)
        form = DecisionForm(request.POST)
        if form.is_valid():
            decide_one(request, case, **form.cleaned_data)
        for errors in form.errors.values():
            messages.error(request, " ".join(str(error) for error in errors))
        return redirect("admin:reports_case_change", case.pk)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Claiming and releasing, and a decision of each kind."""
        actions: dict[str, Any] = super().get_actions(request)
        if self.has_moderate_permission(request):
            for name, title in ACTIONS.items():
                actions[name] = (partial(decide_many, action=name), name, title)
        return actions

    actions = ["claim", "release"]

    @admin.action(description="Claim", permissions=["moderate"])
    def claim(self, request: HttpRequest, queryset: QuerySet[Case]) -> None:
        for case in queryset.order_by("pk"):
            attempt(
                request, name_of_case(case), partial(claim_case, case.pk, moderator=cast(User, request.user)), "claimed"
            )

    @admin.action(description="Release", permissions=["moderate"])
    def release(self, request: HttpRequest, queryset: QuerySet[Case]) -> None:
        for case in queryset.order_by("pk"):
            released = partial(release_case, case.pk, moderator=cast(User, request.user))
            attempt(request, name_of_case(case), released, "released")


def decide_many(model_admin: CaseAdmin, request: HttpRequest, queryset: QuerySet[Case], *, action: str) -> None:
    """Decide one by one, each in a transaction of its own, on the version that the page showed."""
    reason = request.POST.get("reason", "") or DEFAULT_REASONS.get(action, "")
    if not reason:
        messages.error(request, "Nothing was decided: please choose a reason.")
        return
    for case in queryset.order_by("pk"):
        seen = request.POST.get(f"{SEEN}_{case.pk}", "")
        version = int(seen) if seen.isdecimal() and len(seen) < 9 else NONE_SEEN
        decide_one(request, case, action=action, reason=reason, version=version)
