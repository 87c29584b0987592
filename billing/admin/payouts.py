"""Payouts in the console, vendor by vendor: what each one pays, and what became of it."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from billing.admin.walled import WalledEvidence
from billing.models import Payout
from billing.services.drafting import PREPARE
from billing.services.payouts import APPROVE, cancel_payout, mark_failed, mark_paid, mark_returned
from trustengine.accounts.models import User
from trustengine.admin import Link, register_links
from trustengine.admin.attempting import attempt
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, money, pill
from trustengine.admin.sidebar import MONEY
from trustengine.audit import reading

PAYOUT = "billing_payout"
SHOWN_LINES = 100
TONES = {
    "draft": "warning",
    "approved": "info",
    "exported": "primary",
    "paid": "success",
    "partly_paid": "warning",
    "failed": "danger",
    "returned": "danger",
    "cancelled": "",
}


@admin.register(Payout)
class PayoutAdmin(WalledEvidence):
    """Payouts, vendor by vendor."""

    page_title = "Payouts by vendor"
    list_display = ["payee", "amount", "shown_state", "destination", "reference", "made", "settled"]
    list_display_links = ["payee"]
    list_filter = [("state", ChoicesDropdownFilter), ("created_at", DayRangeFilter)]
    search_fields = ["payee__icontains", "reference__exact", "destination__exact"]
    search_ids = ["id", "profile_id", "batch_id"]
    search_help_text = "A payee, a reference, or the id of a payout, a batch or a vendor"
    ordering = ["-created_at", "-id"]
    change_form_template = "console/billing/payout.html"

    @admin.display(description="Amount")
    def amount(self, payout: Payout) -> SafeString:
        return format_html('<span class="te-nowrap">{}</span>', money(payout.amount_cents, payout.currency))

    @admin.display(description="State")
    def shown_state(self, payout: Payout) -> SafeString:
        return pill(f"{payout.state}: {payout.failure}" if payout.failure else payout.state, TONES[payout.state])

    @admin.display(description="Drafted")
    def made(self, payout: Payout) -> SafeString | str:
        return age(payout.created_at)

    @admin.display(description="Settled")
    def settled(self, payout: Payout) -> SafeString | str:
        return age(payout.settled_at)

    def row_context(self, row: Payout, request: HttpRequest) -> dict[str, Any]:
        lines = row.lines.select_related("entry__transaction__order").order_by("pk")[: SHOWN_LINES + 1]
        prepares, approves = request.user.has_perm(PREPARE), request.user.has_perm(APPROVE)
        return {
            "payout": row,
            "tone": TONES[row.state],
            "lines": list(lines)[:SHOWN_LINES],
            "has_more_lines": len(lines) > SHOWN_LINES,
            "may_settle": prepares and row.state == Payout.State.EXPORTED,
            "may_return": prepares and row.state == Payout.State.PAID,
            "may_cancel": prepares
            and (row.state == Payout.State.DRAFT or (approves and row.state == Payout.State.APPROVED)),
            "trail": reading.trail([row, row.batch], request.user),
        }

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.act_view))
        urls: list[URLPattern] = super().get_urls()
        return [path("<uuid:payout_id>/act/", view, name=f"{PAYOUT}_act"), *urls]

    def act_view(self, request: HttpRequest, payout_id: UUID) -> HttpResponse:
        """Say what became of a payout; the service says whether that can be."""
        if not request.user.has_perm("billing.view_payout"):
            raise PermissionDenied
        code, reference = (request.POST.get(name, "").strip() for name in ("failure", "reference"))
        verbs: dict[str, tuple[Callable[..., Any], str]] = {
            "paid": (partial(mark_paid, reference=reference), "noted as paid"),
            "failed": (partial(mark_failed, failure=code), "failed: the money is available again"),
            "returned": (partial(mark_returned, failure=code), "came back: the money is available again"),
            "cancel": (cancel_payout, "taken out of its batch"),
        }
        verb = request.POST.get("do", "")
        if verb in verbs:
            service, words = verbs[verb]
            attempt(
                request,
                f"Payout {str(payout_id)[-8:]}",
                partial(service, payout_id, actor=cast(User, request.user)),
                words,
            )
        return redirect(f"admin:{PAYOUT}_change", payout_id)


register_links(
    MONEY, Link("Payouts by vendor", f"{PAYOUT}_changelist", "price_check", permission="billing.view_payout", order=52)
)
