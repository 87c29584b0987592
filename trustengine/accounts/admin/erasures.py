"""Erasures, to look at; and the page on which staff ask for one."""

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action

from trustengine import errors
from trustengine.accounts.erasing import PERMISSION, request_erasure, steps
from trustengine.accounts.models import Erasure, User
from trustengine.admin import EvidenceAdmin, Link, name_of, register_links
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, pill
from trustengine.admin.sidebar import SYSTEM


class EraseAction(EvidenceAdmin):
    """Mixed into the users' admin: a page that says what goes and what stays, and asks for a word."""

    actions_detail = ["erase"]

    def has_erase_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(PERMISSION)

    @action(permissions=["erase"], description="Erase…", url_path="erase", icon="person_remove")
    def erase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.get_object(request, object_id)
        if not isinstance(user, User):
            raise Http404
        if request.method != "POST":
            return self._ask(request, user)
        if request.POST.get("confirmation", "").strip().lower() != "erase":
            return self._ask(request, user, problem="Type “erase” to go on. Nothing was changed.")
        try:
            erasure = request_erasure(user, actor=cast(User, request.user), reason="staff_action")
        except errors.PermissionDenied as refusal:
            raise PermissionDenied(refusal.detail) from refusal
        except errors.DomainError as refusal:
            return self._ask(request, user, problem=refusal.detail)
        self.message_user(request, "The account is closed; a worker erases what it held.", messages.SUCCESS)
        return redirect("admin:accounts_erasure_change", erasure.pk)

    def _ask(self, request: HttpRequest, user: User, problem: str = "") -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Erase a user",
            "opts": self.opts,
            "person": user,
            "name": name_of(user, request.user),
            "known": Erasure.objects.filter(user=user).first(),
            "problem": problem,
        }
        return render(request, "console/accounts/erase.html", context, status=400 if problem else 200)


@admin.register(Erasure)
class ErasureAdmin(EvidenceAdmin):
    """Who asked to be forgotten, and how far this has come. A worker carries them out."""

    list_display = ["whose", "shown_state", "rows", "requester", "requested", "finished", "problem"]
    list_display_links = ["whose"]
    list_filter = [("state", ChoicesDropdownFilter), ("requested_at", DayRangeFilter)]
    list_select_related = ["user", "requested_by"]
    search_fields = ["=user__id"]
    search_help_text = "An id, of the erasure or of the user"
    search_ids = ("id", "user_id")
    ordering = ["-requested_at", "-id"]
    sortable_by = ()
    change_form_template = "console/accounts/erasure.html"
    fields = ()

    @admin.display(description="User")
    def whose(self, erasure: Erasure) -> str:
        return f"user {str(erasure.user_id)[-8:]}"

    @admin.display(description="State")
    def shown_state(self, erasure: Erasure) -> SafeString:
        return pill(erasure.state)

    @admin.display(description="Rows")
    def rows(self, erasure: Erasure) -> str:
        return f"{sum(step['rows'] for step in erasure.progress.values()):,}"

    @admin.display(description="Asked for by")
    def requester(self, erasure: Erasure) -> str:
        return requester(erasure)

    @admin.display(description="Asked for")
    def requested(self, erasure: Erasure) -> SafeString | str:
        return age(erasure.requested_at)

    @admin.display(description="Done")
    def finished(self, erasure: Erasure) -> SafeString | str:
        return age(erasure.finished_at) if erasure.finished_at else "–"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        erasure = self.get_object(request, object_id)
        context = _page(erasure) if isinstance(erasure, Erasure) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page


def requester(erasure: Erasure) -> str:
    if erasure.requested_by_id is None:
        return "a command"
    return "themselves" if erasure.requested_by_id == erasure.user_id else str(erasure.requested_by)


def _page(erasure: Erasure) -> dict[str, Any]:
    return {
        "erasure": erasure,
        "heading": str(erasure),
        "requester": requester(erasure),
        "steps": [(step.name, erasure.progress.get(step.name, {})) for step in steps()],
    }


register_links(
    SYSTEM,
    Link("Erasures", "accounts_erasure_changelist", "person_remove", permission="accounts.view_erasure", order=35),
)
