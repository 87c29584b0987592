"""Looking at everything of an author again: started from the author's page, and undone as one."""

from functools import partial
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget

from reports.admin.case_page import decisions_about, look_backs_at
from reports.admin.lists import person
from reports.admin.people import StaffFilter
from reports.models import Case, LookBack, ReasonCode
from reports.services.looking_back import look_back, undo_look_back
from reviews.admin.reputation import explained
from reviews.models import Review
from reviews.reputation import standing_of
from trustengine.accounts.models import User
from trustengine.admin import EvidenceAdmin, name_of
from trustengine.admin.attempting import attempt
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.people import register_person_page
from trustengine.admin.presentation import age, pill
from trustengine.audit import reading

TONES = {"running": "primary", "done": "success", "undone": ""}
LATEST = 20


def reasons() -> list[tuple[str, str]]:
    against = ReasonCode.objects.filter(is_active=True).exclude(ground=ReasonCode.Ground.NONE)
    return [("", "Choose a reason…"), *against.values_list("code", "label")]


class LookBackForm(forms.Form):
    """Why everything is looked at again."""

    reason = forms.ChoiceField(
        choices=reasons, widget=UnfoldAdminSelectWidget, error_messages={"required": "Please choose a reason."}
    )


class StartedByFilter(StaffFilter):
    title = "started by"
    parameter_name = "started_by"
    column = "started_by"


@admin.register(LookBack)
class LookBackAdmin(EvidenceAdmin):
    """What was put back into cases in one step, and how far that has come."""

    page_title = "Look-backs"
    list_filter = [("state", ChoicesDropdownFilter), StartedByFilter, ("created_at", DayRangeFilter)]
    list_select_related = ["author", "started_by"]
    search_fields = ["id__endswith"]
    search_ids = ["id", "author_id"]
    search_help_text = "The id of a look-back or of an author"
    ordering = ["-created_at", "-id"]
    sortable_by = ()
    fields = ()
    list_display_links = ["what"]
    change_form_template = "console/reports/look_back.html"
    actions = ["undo"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Author")
        def author(found: LookBack) -> SafeString | str:
            return person(found.author, request.user)

        @admin.display(description="Started by")
        def starter(found: LookBack) -> SafeString | str:
            return person(found.started_by, request.user)

        return ["what", author, "reason", "shown_state", "cases_opened", starter, "started"]

    @admin.display(description="Look-back")
    def what(self, found: LookBack) -> str:
        return str(found.pk)[-8:]

    @admin.display(description="State")
    def shown_state(self, found: LookBack) -> SafeString:
        return pill(found.state, TONES[found.state])

    @admin.display(description="Started")
    def started(self, found: LookBack) -> SafeString | str:
        return age(found.created_at)

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("reports.moderate_case")

    @admin.action(description="Undo as one", permissions=["moderate"])
    def undo(self, request: HttpRequest, queryset: QuerySet[LookBack]) -> None:
        for found in queryset.order_by("pk"):
            self._undo(request, found)

    def undo_view(self, request: HttpRequest, look_back_id: UUID) -> HttpResponse:
        """Undo one as one, from its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_moderate_permission(request):
            raise PermissionDenied
        found = get_object_or_404(LookBack, pk=look_back_id)
        self._undo(request, found)
        return redirect("admin:reports_lookback_change", found.pk)

    def _undo(self, request: HttpRequest, found: LookBack) -> None:
        call = partial(undo_look_back, found.pk, moderator=cast(User, request.user))
        attempt(request, f"Look-back {str(found.pk)[-8:]}", call, "undone; its undecided cases close")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        urls: list[URLPattern] = super().get_urls()
        return [
            path("author/<uuid:user_id>/", view(self.author_view), name="reports_lookback_author"),
            path("<uuid:look_back_id>/undo/", view(self.undo_view), name="reports_lookback_undo"),
            path("author/<uuid:user_id>/start/", view(self.start_view), name="reports_lookback_start"),
            *urls,
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if isinstance(found, LookBack):
            by_state = found.cases.order_by().values_list("state").annotate(Count("pk"))
            context = {
                "look_back": found,
                "heading": f"Look-back {str(found.pk)[-8:]}",
                "parent_title": self.page_title,
                "tone": TONES[found.state],
                "by_state": dict(by_state),
                "cases": list(found.cases.order_by("state", "-pressure", "pk")[:LATEST]),
                "may_undo": found.state != LookBack.State.UNDONE and self.has_moderate_permission(request),
                "trail": reading.trail([found], request.user, limit=20),
            }
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def author_view(self, request: HttpRequest, user_id: UUID) -> HttpResponse:
        """Somebody as an author: what they wrote, what was decided on it, and the step back over all of it."""
        if not request.user.has_perm("reports.view_case"):
            raise PermissionDenied
        author = get_object_or_404(User, pk=user_id)
        reviews = Review.objects.filter(author=author)
        standing = standing_of(author.pk)
        cases = Case.objects.filter(author=author)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Author {name_of(author, request.user)}",
            "author": author,
            "standing": standing,
            "reputation_parts": explained(standing.parts),
            "counts": dict(reviews.order_by().values_list("status").annotate(Count("pk"))),
            "reviews": list(reviews.select_related("product").order_by("-created_at")[:LATEST]),
            "decisions": decisions_about(author=author),
            "cases": list(cases.open().order_by("-pressure", "pk")[:LATEST]),
            "look_backs": look_backs_at(author.pk),
            "form": LookBackForm(),
            "may_start": self.has_moderate_permission(request) and author.pk != request.user.pk,
        }
        return render(request, "console/reports/author.html", context)

    def start_view(self, request: HttpRequest, user_id: UUID) -> HttpResponse:
        """Put everything of somebody back into cases."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_moderate_permission(request):
            raise PermissionDenied
        author = get_object_or_404(User, pk=user_id)
        form = LookBackForm(request.POST)
        if form.is_valid():
            call = partial(look_back, author.pk, moderator=cast(User, request.user), **form.cleaned_data)
            attempt(request, name_of(author, request.user).capitalize(), call, "their reviews come back as cases")
        for errors in form.errors.values():
            messages.error(request, " ".join(str(error) for error in errors))
        return redirect("admin:reports_lookback_author", author.pk)


@register_person_page("Cases, decisions, look-backs", permission="reports.view_case")
def author_page(person: Any) -> str:
    return reverse("admin:reports_lookback_author", args=[person.pk])
