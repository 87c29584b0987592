"""Notices as evidence: who was told what, when, and why somebody was not."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from orders.models import Notice
from trustengine.admin import EvidenceAdmin, Link, name_of, register_links
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, link_to, pill
from trustengine.admin.sidebar import MARKETPLACE


@admin.register(Notice)
class NoticeAdmin(EvidenceAdmin):
    """E-mails about orders. Addresses and texts are not kept here."""

    list_display_links = None
    list_filter = [("kind", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter), ("created_at", DayRangeFilter)]
    list_select_related = ["order", "recipient"]
    search_fields = ["order__id__exact"]
    search_ids = ["id", "order_id", "recipient_id"]
    search_help_text = "The id of an order or of a user"
    ordering = ["-created_at", "-id"]
    sortable_by = ()
    fields = ()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Order")
        def order(notice: Notice) -> SafeString | str:
            return link_to(notice.order, request.user)

        @admin.display(description="To")
        def recipient(notice: Notice) -> SafeString | str:
            return link_to(notice.recipient, request.user, name_of(notice.recipient, request.user))

        return ["what", "shown_state", order, recipient, "made", "settled"]

    @admin.display(description="Notice")
    def what(self, notice: Notice) -> str:
        return notice.get_kind_display()

    @admin.display(description="State")
    def shown_state(self, notice: Notice) -> SafeString:
        text = f"{notice.state}: {notice.outcome.replace('_', ' ')}" if notice.outcome else notice.state
        return pill(text, {"sent": "success", "pending": "info"}.get(notice.state, ""))

    @admin.display(description="Written")
    def made(self, notice: Notice) -> SafeString | str:
        return age(notice.created_at)

    @admin.display(description="Settled")
    def settled(self, notice: Notice) -> SafeString | str:
        return age(notice.settled_at)


register_links(
    MARKETPLACE, Link("Notices", "orders_notice_changelist", "mail", permission="orders.view_notice", order=30)
)
