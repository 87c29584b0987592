"""The page on which staff change their own password: Django's, with an audit entry in the same transaction."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse_lazy
from unfold.forms import AdminOwnPasswordChangeForm

from trustengine.accounts.models import User
from trustengine.admin import register_page
from trustengine.audit.services import record


class OwnPassword(PasswordChangeView):
    """The validators of passwords are asked by the form."""

    form_class = AdminOwnPasswordChangeForm
    success_url = reverse_lazy("admin:password_change_done")

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(**admin.site.each_context(self.request), **context)

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        user = cast(User, form.user)
        response = super().form_valid(form)
        record("user.password_changed", user, actor=user)
        return response


@register_page("password_change/", "password_change")
def own_password(request: HttpRequest) -> HttpResponseBase:
    request.current_app = admin.site.name  # type: ignore[attr-defined]
    return OwnPassword.as_view()(request)
