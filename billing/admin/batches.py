"""Batches of payouts in the console: drawn up, approved by a second person, exported, and paid."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from billing.admin.payouts import TONES
from billing.admin.walled import WalledEvidence
from billing.errors import NothingDue, PayoutNotCovered
from billing.models import LedgerAccount, Payout, PayoutBatch, PayoutSkip
from billing.services.drafting import PREPARE, draft_payouts, redraw_payouts
from billing.services.duties import in_words, parts_in
from billing.services.payouts import (
    APPROVE,
    approve_payouts,
    cancel_batch,
    export_payouts,
    mark_batch_paid,
)
from trustengine.accounts.models import User
from trustengine.admin import Area, Card, Link, register_links, register_panel
from trustengine.admin.attempting import attempt
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, money, pill
from trustengine.admin.sidebar import MONEY
from trustengine.audit import reading
from trustengine.errors import DomainError
from trustengine.row_security import Reason, every_row

BATCH = "billing_payoutbatch"
SHOWN_IN_TRAIL = 100
UNCOVERED = {
    "balance": "less is available than at the draft",
    "disputed": "a payment is under dispute",
    "destination": "the destination has changed",
    "resting": "a changed destination rests",
}
BATCH_VERBS: dict[str, tuple[Callable[..., Any], str]] = {
    "approve": (approve_payouts, "approved: the money is set aside"),
    "cancel": (cancel_batch, "cancelled"),
    "paid": (mark_batch_paid, "noted as paid"),
}


@admin.register(PayoutBatch)
class PayoutBatchAdmin(WalledEvidence):
    """Batches of payouts."""

    page_title = "Payouts"
    list_filter = [("state", ChoicesDropdownFilter), ("created_at", DayRangeFilter)]
    list_display = ["name", "shown_state", "amount", "count", "drafted_by", "approved_by_whom", "made"]
    list_display_links = ["name"]
    list_select_related = ["created_by", "approved_by"]
    list_before_template = "console/billing/draft.html"
    search_fields = ["currency__exact"]
    search_help_text = "The id of a batch, or a currency"
    ordering = ["-created_at", "-id"]
    change_form_template = "console/billing/batch.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        meant = ~Q(payouts__state=Payout.State.CANCELLED)
        figures = {
            "total": Sum("payouts__amount_cents", filter=meant, default=0),
            "vendors": Count("payouts", filter=meant),
        }
        return super().get_queryset(request).defer("export").annotate(**figures)

    @admin.display(description="Batch")
    def name(self, batch: PayoutBatch) -> str:
        return str(batch)

    @admin.display(description="State")
    def shown_state(self, batch: PayoutBatch) -> SafeString:
        return pill(batch.state.replace("_", " "), TONES[batch.state])

    @admin.display(description="Amount")
    def amount(self, batch: Any) -> SafeString:
        return format_html('<span class="te-nowrap">{}</span>', money(batch.total, batch.currency))

    @admin.display(description="Vendors")
    def count(self, batch: Any) -> int:
        return int(batch.vendors)

    @admin.display(description="Drafted by")
    def drafted_by(self, batch: PayoutBatch) -> str:
        return str(batch.created_by)

    @admin.display(description="Approved by")
    def approved_by_whom(self, batch: PayoutBatch) -> str:
        return str(batch.approved_by or "–")

    @admin.display(description="Made")
    def made(self, batch: PayoutBatch) -> SafeString | str:
        return age(batch.created_at)

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        if not request.user.has_perm(PREPARE):
            return {}
        accounts = LedgerAccount.objects.filter(kind=LedgerAccount.Kind.VENDOR_AVAILABLE, balance_cents__gt=0)
        sums = (
            accounts.order_by("currency").values("currency").annotate(total=Sum("balance_cents"), vendors=Count("pk"))
        )
        return {"available": list(sums), "may_draft": True}

    def row_context(self, row: PayoutBatch, request: HttpRequest) -> dict[str, Any]:
        payouts = list(row.payouts.select_related("profile").order_by("-amount_cents", "pk"))
        live = [payout for payout in payouts if payout.state in Payout.LIVE]
        parts = parts_in(row, payouts, cast(User, request.user)) if row.state == PayoutBatch.State.DRAFT else []
        prepares, approves = request.user.has_perm(PREPARE), request.user.has_perm(APPROVE)
        is_draft = row.state == PayoutBatch.State.DRAFT
        return {
            "batch": row,
            "state": row.state.replace("_", " "),
            "tone": TONES[row.state],
            "payouts": [{"payout": payout, "tone": TONES[payout.state]} for payout in payouts],
            "total": sum(payout.amount_cents for payout in live),
            "live_count": len(live),
            "skips": list(row.skips.select_related("profile").order_by("reason", "-amount_cents")),
            "no_destination": PayoutSkip.Reason.NO_DESTINATION,
            "why_not": in_words(parts) if parts else "",
            "is_draft": is_draft,
            "may_approve": is_draft and approves and not parts,
            "may_redraw": is_draft and prepares,
            "may_export": prepares and (row.state == PayoutBatch.State.APPROVED or row.exported_at is not None),
            "may_pay": prepares and row.state == PayoutBatch.State.EXPORTED,
            "may_cancel": prepares and (is_draft or (approves and row.state == PayoutBatch.State.APPROVED)),
            "changed": [p for p in live if p.destination_note == Payout.DestinationNote.CHANGED],
            "trail": reading.trail([row, *payouts[:SHOWN_IN_TRAIL]], request.user),
        }

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(require_POST(view)), name=f"{BATCH}_{name}")

        urls: list[URLPattern] = super().get_urls()
        return [page("draft/", self.draft_view, "draft"), page("<uuid:batch_id>/act/", self.act_view, "act"), *urls]

    def draft_view(self, request: HttpRequest) -> HttpResponse:
        """Draw up a batch in the currency that was chosen."""
        if not request.user.has_perm(PREPARE):
            raise PermissionDenied
        made: list[PayoutBatch] = []

        def draft() -> None:
            with _in_words():
                made.append(draft_payouts(request.POST.get("currency", ""), actor=cast(User, request.user)))

        attempt(request, "Payouts", draft, "drawn up; somebody else has to approve them")
        return redirect(f"admin:{BATCH}_change", made[0].pk) if made else redirect(f"admin:{BATCH}_changelist")

    def act_view(self, request: HttpRequest, batch_id: UUID) -> HttpResponse:
        """What may be done to a batch; the services say by whom and when."""
        if not request.user.has_perm("billing.view_payoutbatch"):
            raise PermissionDenied
        done: list[Any] = []
        verb, name = request.POST.get("do", ""), f"Batch {str(batch_id)[-8:]}"

        def call(service: Callable[..., Any]) -> None:
            with _in_words():
                done.append(service(batch_id, actor=cast(User, request.user)))

        if verb == "export":
            if attempt(request, name, partial(call, export_payouts), "exported"):
                return _file(done[0], f"payouts-{str(batch_id)[-8:]}.csv")
        elif verb == "redraw":
            if attempt(request, name, partial(call, redraw_payouts), "drawn up anew"):
                batch_id = done[0].pk
        elif verb in BATCH_VERBS:
            service, words = BATCH_VERBS[verb]
            attempt(request, name, partial(call, service), words)
        return redirect(f"admin:{BATCH}_change", batch_id)


@register_panel(Area.CARDS, permission=APPROVE, order=40)
def approval_card(request: HttpRequest) -> Card:
    """Drafts that this person may let pass."""
    with every_row(Reason.CONSOLE):
        drafts = PayoutBatch.objects.filter(state=PayoutBatch.State.DRAFT)
        counts = drafts.aggregate(all=Count("pk"), own=Count("pk", filter=Q(created_by=request.user.pk)))
    own, waiting = counts["own"], counts["all"] - counts["own"]
    note = "Second pair of eyes needed." if waiting else "Nothing waits."
    if own:
        note = f"{note} {own} of your own wait{'s' if own == 1 else ''} for somebody else."
    url = f"{reverse(f'admin:{BATCH}_changelist')}?state__exact=draft"
    return Card("Payouts to approve", waiting, note, "price_check", url, urgent=bool(waiting))


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn what a service says of several vendors into a sentence for the page."""
    try:
        yield
    except PayoutNotCovered as error:
        rows = error.extra["payouts"]
        whom = "; ".join(f"{row['payee']}: {UNCOVERED[row['reason']]}" for row in rows[:5])
        raise DomainError(f"{error.detail} {whom}{' …' if len(rows) > 5 else ''}") from error
    except NothingDue as error:
        skipped = error.extra.get("skipped", {})
        reasons = ", ".join(str(PayoutSkip.Reason(reason).label) for reason in sorted(set(skipped.values())))
        raise DomainError(f"{error.detail} {len(skipped):,} passed over: {reasons or 'nobody'}.") from error


def _file(content: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


register_links(
    MONEY,
    Link("Payouts", f"{BATCH}_changelist", "payments", permission="billing.view_payoutbatch", order=50),
)
