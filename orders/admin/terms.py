"""Vendors' fees. The form hands what it is given to the service, which records it and has the days made anew."""

from typing import Any, cast

from django.contrib import admin, messages
from django.http import HttpRequest

from orders.models import VendorTerms
from orders.services.terms import PERMISSION, set_fee
from trustengine.accounts.models import User
from trustengine.admin import EvidenceAdmin, Link, register_links
from trustengine.admin.sidebar import MARKETPLACE
from trustengine.errors import DomainError


@admin.register(VendorTerms)
class VendorTermsAdmin(EvidenceAdmin):
    """What was agreed with each vendor; the fee may be changed by Finance."""

    page_title = "Vendors' fees"
    list_select_related = ["profile"]
    search_fields = ["profile__display_name"]
    search_ids = ["profile_id"]
    search_help_text = "A vendor's name or id"
    ordering = ["profile__display_name", "pk"]
    sortable_by = ()
    fields = ["vendor", "fee_bps"]
    readonly_fields = ["vendor"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return ["vendor", "fee"]

    @admin.display(description="Vendor")
    def vendor(self, terms: VendorTerms) -> str:
        return str(terms.profile)

    @admin.display(description="Fee")
    def fee(self, terms: VendorTerms) -> str:
        return "the default" if terms.fee_bps is None else f"{terms.fee_bps / 100:g} %"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(PERMISSION))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("orders.view_vendorterms"))

    def save_model(self, request: HttpRequest, obj: VendorTerms, form: Any, change: bool) -> None:
        try:
            set_fee(obj.pk, fee_bps=form.cleaned_data["fee_bps"], actor=cast(User, request.user))
        except DomainError as refusal:
            messages.error(request, refusal.detail)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:  # type: ignore[override]
        """The service has left an audit entry."""


register_links(
    MARKETPLACE,
    Link("Vendors' fees", "orders_vendorterms_changelist", "percent", permission="orders.view_vendorterms", order=22),
)
