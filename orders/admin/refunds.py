"""Money on its way back, and payments that banks have called into question."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from orders.models import Checkout, Dispute, Refund
from orders.services import refund_checkout
from orders.services.refunding import PERMISSION
from trustengine.admin import EvidenceAdmin, Link, register_links
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, link_to, money, pill
from trustengine.admin.sidebar import MARKETPLACE
from trustengine.errors import DomainError

TONES = {"requested": "info", "sent": "info", "succeeded": "success", "failed": "danger"}


@admin.register(Refund)
class RefundAdmin(EvidenceAdmin):
    """What was asked for, through whom, and whether the money has gone."""

    list_display_links = None
    list_filter = [("state", ChoicesDropdownFilter), ("reason", ChoicesDropdownFilter), ("created_at", DayRangeFilter)]
    list_select_related = ["order", "checkout"]
    search_fields = ["provider_refund_id__exact", "payment_intent_id__exact", "note__exact"]
    search_ids = ["id", "order_id", "checkout_id"]
    search_help_text = "The id of a refund, an order, a checkout or a payment, or an operator's note"
    ordering = ["-created_at", "-id"]
    sortable_by = ()
    fields = ()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="For")
        def about(refund: Refund) -> SafeString | str:
            return link_to(refund.order or refund.checkout, request.user)

        return [about, "amount", "why", "shown_state", "through", "asked", "settled"]

    @admin.display(description="Amount")
    def amount(self, refund: Refund) -> str:
        return money(refund.amount_cents, refund.currency)

    @admin.display(description="Because")
    def why(self, refund: Refund) -> str:
        return str(refund.get_reason_display())

    @admin.display(description="State")
    def shown_state(self, refund: Refund) -> SafeString:
        if refund.is_estimate:
            return pill("estimated from the total", "warning")
        text = f"{refund.state}: {refund.failure}" if refund.failure else refund.state
        return pill(text, TONES.get(refund.state))

    @admin.display(description="Through")
    def through(self, refund: Refund) -> str:
        return refund.provider or "other ways"

    @admin.display(description="Asked for")
    def asked(self, refund: Refund) -> SafeString | str:
        return age(refund.created_at)

    @admin.display(description="Settled")
    def settled(self, refund: Refund) -> SafeString | str:
        return age(refund.settled_at)


@admin.register(Dispute)
class DisputeAdmin(EvidenceAdmin):
    """Disputes; while one is open, its order's vendors are not paid."""

    list_display_links = None
    list_filter = [("opened_at", DayRangeFilter)]
    list_select_related = ["order"]
    search_fields = ["id__exact"]
    search_ids = ["order_id"]
    search_help_text = "The id of a dispute or an order"
    ordering = ["-opened_at", "-id"]
    sortable_by = ()
    fields = ()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Order")
        def order(dispute: Dispute) -> SafeString | str:
            return link_to(dispute.order, request.user)

        return ["id", order, "amount", "reason", "shown_state", "opened", "closed"]

    @admin.display(description="Amount")
    def amount(self, dispute: Dispute) -> str:
        return money(dispute.amount_cents, dispute.order.currency)

    @admin.display(description="State")
    def shown_state(self, dispute: Dispute) -> SafeString:
        if dispute.closed_at is None:
            return pill("open", "warning")
        return pill(dispute.outcome or "closed", "success" if dispute.outcome == "won" else "")

    @admin.display(description="Opened")
    def opened(self, dispute: Dispute) -> SafeString | str:
        return age(dispute.opened_at)

    @admin.display(description="Closed")
    def closed(self, dispute: Dispute) -> SafeString | str:
        return age(dispute.closed_at)


class SendsMoneyBack(EvidenceAdmin):
    """The action of checkouts that were paid and made no order."""

    actions = ["send_back"]

    def has_send_refund_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(PERMISSION))

    @admin.action(permissions=["send_refund"], description="Send the money back")
    def send_back(self, request: HttpRequest, queryset: QuerySet[Checkout]) -> None:
        sent = 0
        for checkout_id in queryset.order_by("pk").values_list("pk", flat=True):
            try:
                refund_checkout(checkout_id, actor=request.user)  # type: ignore[arg-type]
                sent += 1
            except DomainError as error:
                self.message_user(request, f"checkout {str(checkout_id)[-8:]}: {error.detail}", messages.WARNING)
        if sent:
            self.message_user(request, f"{sent:,} refund{'s'[: sent != 1]} will be sent.", messages.SUCCESS)


register_links(
    MARKETPLACE,
    Link("Refunds", "orders_refund_changelist", "currency_exchange", permission="orders.view_refund", order=14),
    Link("Disputes", "orders_dispute_changelist", "gavel", permission="orders.view_dispute", order=16),
)
