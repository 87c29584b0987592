"""A vendor's money on one page, by month, made to be printed; and where it is paid to."""

from datetime import date
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from billing.admin.walled import WalledEvidence, written
from billing.api.vendors import MONTH
from billing.balances import balances_of, currency_of
from billing.models import DestinationChange, PayoutDestination
from billing.services.destinations import (
    APPROVE,
    PERMISSION,
    approve_destination,
    refuse_destination,
    set_destination,
    with_rest,
)
from billing.statements import as_csv, next_month, statement_of
from orders.currencies import CODES
from trustengine.accounts.models import Profile, User
from trustengine.admin import Area, Card, Link, register_links, register_page, register_panel
from trustengine.admin.attempting import attempt
from trustengine.admin.evidence import as_uuid
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, pill
from trustengine.admin.sidebar import MONEY
from trustengine.database_time import database_today
from trustengine.row_security import Reason, every_row

VIEW = "billing.view_ledgeraccount"
PAGE = "billing_statement"
CHANGES = "billing_destinationchange"
MOST_FOUND = 20
TONES = {"proposed": "warning", "approved": "success", "refused": "danger", "withdrawn": ""}
DECISIONS = {
    "approve": (approve_destination, "approved; it rests before anybody is paid to it"),
    "refuse": (refuse_destination, "stays as it was"),
}


@register_page("billing/statement/", PAGE)
def statement_page(request: HttpRequest) -> HttpResponse:
    """The statement of the vendor asked for, or vendors to choose from."""
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    asked = request.GET.get("vendor", "").strip()
    found = _vendors(asked)
    context = {**admin.site.each_context(request), "title": "Statements", "asked": asked, "found": found}
    with every_row(Reason.CONSOLE):
        if len(found) == 1:
            context |= _statement(found[0], request)
            if request.GET.get("as") == "csv":
                return _file(context)
        return written(TemplateResponse(request, "console/billing/statement.html", context))


@register_page("billing/destinations/<uuid:vendor_id>/", "billing_set_destination")
@require_POST
def destination_page(request: HttpRequest, vendor_id: UUID) -> HttpResponse:
    """Where a vendor is paid to, as typed on the statement's page; the service says who may."""
    reference = request.POST.get("reference", "")
    change = partial(set_destination, vendor_id, reference, actor=cast(User, request.user))
    known = _has_destination(vendor_id)
    attempt(request, "Destination", change, "noted; a change waits until somebody else approves it" if known else "set")
    return redirect(f"{reverse(f'admin:{PAGE}')}?vendor={vendor_id}")


@register_page("billing/destination-changes/<uuid:change_id>/decide/", "billing_decide_destination")
@require_POST
def decide_page(request: HttpRequest, change_id: UUID) -> HttpResponse:
    """Approve or refuse a destination that was changed; the service says who may."""
    service, words = DECISIONS.get(request.POST.get("do", ""), (None, ""))
    if service is not None:
        decide = partial(service, change_id, actor=cast(User, request.user))
        attempt(request, "Destination", decide, words)
    with every_row(Reason.CONSOLE):
        change = DestinationChange.objects.filter(pk=change_id).first()
    if change is None:
        return redirect(f"admin:{CHANGES}_changelist")
    return redirect(f"{reverse(f'admin:{PAGE}')}?vendor={change.profile_id}")


def _has_destination(vendor_id: UUID) -> bool:
    with every_row(Reason.CONSOLE):
        return PayoutDestination.objects.filter(profile=vendor_id).exists()


@admin.register(PayoutDestination)
class PayoutDestinationAdmin(WalledEvidence):
    """Where vendors are paid to, and who said so."""

    page_title = "Destinations"
    list_display = ["whose", "reference", "setter", "since"]
    list_display_links = ["whose"]
    list_select_related = ["profile", "set_by"]
    search_fields = ["reference__exact", "profile__display_name__icontains"]
    search_ids = ["id", "profile_id"]
    search_help_text = "A vendor's name or id, or a reference"
    ordering = ["-set_at", "-id"]

    @admin.display(description="Vendor")
    def whose(self, destination: PayoutDestination) -> str:
        return str(destination.profile)

    @admin.display(description="Set by")
    def setter(self, destination: PayoutDestination) -> str:
        return str(destination.set_by)

    @admin.display(description="Set")
    def since(self, destination: PayoutDestination) -> SafeString | str:
        return age(destination.set_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A destination is shown, and set, beside its vendor's money."""
        with every_row(Reason.CONSOLE):
            row = self.get_object(request, object_id)
        if isinstance(row, PayoutDestination) and request.method == "GET" and request.user.has_perm(VIEW):
            return redirect(f"{reverse(f'admin:{PAGE}')}?vendor={row.profile_id}")
        return super().change_view(request, object_id, form_url, extra_context)


@admin.register(DestinationChange)
class DestinationChangeAdmin(WalledEvidence):
    """Destinations as they were set and changed, and by which two people."""

    page_title = "Destination changes"
    list_display = ["whose", "before", "reference", "shown_state", "proposed_by", "decided_by", "since"]
    list_display_links = ["whose"]
    list_filter = [("state", ChoicesDropdownFilter), ("proposed_at", DayRangeFilter)]
    list_select_related = ["profile", "proposed_by", "decided_by"]
    search_fields = ["reference__exact", "before__exact", "profile__display_name__icontains"]
    search_ids = ["id", "profile_id"]
    search_help_text = "A vendor's name or id, or a reference"
    ordering = ["-proposed_at", "-id"]

    @admin.display(description="Vendor")
    def whose(self, change: DestinationChange) -> str:
        return str(change.profile)

    @admin.display(description="State")
    def shown_state(self, change: DestinationChange) -> SafeString:
        return pill(change.state, TONES[change.state])

    @admin.display(description="Set")
    def since(self, change: DestinationChange) -> SafeString | str:
        return age(change.proposed_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A change is decided beside its vendor's money."""
        with every_row(Reason.CONSOLE):
            row = self.get_object(request, object_id)
        if isinstance(row, DestinationChange) and request.method == "GET" and request.user.has_perm(VIEW):
            return redirect(f"{reverse(f'admin:{PAGE}')}?vendor={row.profile_id}")
        return super().change_view(request, object_id, form_url, extra_context)


@register_panel(Area.CARDS, permission=APPROVE, order=41)
def changes_card(request: HttpRequest) -> Card:
    """Changed destinations that this person may approve."""
    with every_row(Reason.CONSOLE):
        changes = DestinationChange.objects.filter(state=DestinationChange.State.PROPOSED)
        counts = changes.aggregate(all=Count("pk"), own=Count("pk", filter=Q(proposed_by=request.user.pk)))
    own, waiting = counts["own"], counts["all"] - counts["own"]
    note = "Second pair of eyes needed." if waiting else "Nothing waits."
    if own:
        note = f"{note} {own} of your own wait{'s' if own == 1 else ''} for somebody else."
    url = f"{reverse(f'admin:{CHANGES}_changelist')}?state__exact=proposed"
    return Card("Destinations to approve", waiting, note, "account_balance_wallet", url, urgent=bool(waiting))


def _vendors(asked: str) -> list[Profile]:
    """Vendors of this id, or whose names have these words; the first ones by name where nothing is asked for."""
    vendors = Profile.objects.vendors().order_by("display_name", "pk")
    number = as_uuid(asked)
    if number is not None:
        return list(vendors.filter(pk=number))
    for word in asked.replace("\0", " ").split():
        vendors = vendors.filter(display_name__icontains=word)
    return list(vendors[:MOST_FOUND])


def _statement(vendor: Profile, request: HttpRequest) -> dict[str, Any]:
    asked = request.GET.get("currency", "")
    currency = asked if asked in CODES else currency_of(vendor, settings.MARKETPLACE_CURRENCY)
    matched = MONTH.fullmatch(request.GET.get("month", ""))
    today = database_today().replace(day=1)
    first = date(int(matched[1]), int(matched[2]), 1) if matched else today
    statement = statement_of(vendor, currency=currency, first=first)
    balances = balances_of(vendor)
    waiting = DestinationChange.objects.filter(profile=vendor, state=DestinationChange.State.PROPOSED)
    change = waiting.select_related("proposed_by").first()
    own = change is not None and change.proposed_by_id == request.user.pk
    return {
        "vendor": vendor,
        "statement": statement,
        "balances": [row for row in balances if row.currency == currency],
        "currencies": sorted({row.currency for row in balances} | {currency}),
        "months": _months(today, first),
        "destination": with_rest(PayoutDestination.objects.filter(profile=vendor)).select_related("set_by").first(),
        "change": change,
        "is_own_change": own,
        "may_approve_change": request.user.has_perm(APPROVE) and not own,
        "may_set": request.user.has_perm(PERMISSION),
        "query": f"vendor={vendor.pk}&currency={currency}&month={statement.month}",
    }


def _months(last: date, chosen: date) -> list[date]:
    """The latest twelve months, and the one that is shown."""
    months, month = {chosen}, last.replace(year=last.year - 1)
    for _ in range(12):
        month = next_month(month)
        months.add(month)
    return sorted(months, reverse=True)


def _file(context: dict[str, Any]) -> HttpResponse:
    statement = context["statement"]
    answer = HttpResponse(as_csv(statement), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="statement-{statement.month}-{statement.currency}.csv"'
    answer["Cache-Control"] = "private, no-store"
    return answer


register_links(
    MONEY,
    Link("Statements", PAGE, "request_quote", permission=VIEW, order=54),
    Link(
        "Destinations",
        "billing_payoutdestination_changelist",
        "account_balance_wallet",
        permission="billing.view_payoutdestination",
        order=56,
    ),
    Link(
        "Destination changes",
        f"{CHANGES}_changelist",
        "move_down",
        permission="billing.view_destinationchange",
        order=57,
    ),
)
