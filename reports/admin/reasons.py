"""The catalogue of reasons: texts and weights that may be edited, codes that stay."""

from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from reports.models import ReasonCode
from reports.services.catalogue import EDITABLE, INDISPENSABLE, PERMISSION, change_reason
from trustengine.accounts.models import User
from trustengine.admin import EvidenceAdmin
from trustengine.admin.presentation import age, pill
from trustengine.audit import reading


class ReasonForm(ModelForm):
    """Refuses to retire what decisions without a reason of their own name."""

    class Meta:
        model = ReasonCode
        fields = EDITABLE

    def clean_is_active(self) -> bool:
        active = bool(self.cleaned_data["is_active"])
        if not active and self.instance.pk in INDISPENSABLE:
            raise ValidationError("This reason is needed, and stays active.")
        return active


class CatalogueAdmin(EvidenceAdmin):
    """Rows whose members may be edited by those with the right, through a service; none is added or deleted."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(PERMISSION)


@admin.register(ReasonCode)
class ReasonCodeAdmin(CatalogueAdmin):
    """Why content is reported and decided on. A code is never added here, nor taken away: it is retired."""

    page_title = "Reasons"
    form = ReasonForm
    list_display = ["label", "code", "shown_ground", "severity", "for_reports", "state", "changed"]
    list_filter = [("ground", ChoicesDropdownFilter), ("is_active", BooleanRadioFilter)]
    search_fields = ["code", "label"]
    search_ids = ()
    ordering = ["position", "code"]
    sortable_by = ()
    fields = ["code", *EDITABLE, "updated_at"]
    readonly_fields = ["code", "updated_at"]
    change_form_template = "console/reports/reason.html"

    @admin.display(description="Ground")
    def shown_ground(self, reason: ReasonCode) -> str:
        return reason.get_ground_display()

    @admin.display(description="State")
    def state(self, reason: ReasonCode) -> SafeString:
        return pill("active", "success") if reason.is_active else pill("retired", "")

    @admin.display(description="Changed")
    def changed(self, reason: ReasonCode) -> SafeString | str:
        return age(reason.updated_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        reason = self.get_object(request, object_id)
        context: dict[str, Any] = {"parent_title": self.page_title}
        if isinstance(reason, ReasonCode):
            context["trail"] = reading.trail([reason], request.user, limit=20)
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def save_model(self, request: HttpRequest, obj: ReasonCode, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in EDITABLE}
        change_reason(obj.pk, actor=cast(User, request.user), changes=changes)
