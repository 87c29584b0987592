"""The page on which a superuser takes a lost second factor away from somebody."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from unfold.decorators import action

from trustengine.accounts.models import User
from trustengine.accounts.second_factor import reset_second_factor
from trustengine.admin import EvidenceAdmin
from trustengine.errors import DomainError


class ResetSecondFactorAction(EvidenceAdmin):
    """Mixed into the users' admin."""

    def has_reset_second_factor_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return bool(request.user.is_superuser)

    @action(
        permissions=["reset_second_factor"],
        description="Reset second factor…",
        url_path="reset-second-factor",
        icon="phonelink_erase",
    )
    def reset_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        user = self.get_object(request, object_id)
        if not isinstance(user, User):
            raise Http404
        if not request.user.is_superuser:
            raise PermissionDenied
        problem = ""
        if request.method == "POST":
            try:
                reset_second_factor(user, actor=request.user, reason="staff_action")
            except DomainError as refusal:
                problem = refusal.detail
            else:
                done = f"{user} has no second factor any more, and is signed out everywhere."
                self.message_user(request, done, messages.SUCCESS)
                return redirect("admin:accounts_user_change", user.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Reset a second factor",
            "opts": self.opts,
            "person": user,
            "problem": problem,
        }
        page = "console/accounts/reset_second_factor.html"
        return render(request, page, context, status=400 if problem else 200)
