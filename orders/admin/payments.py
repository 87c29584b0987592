"""Payments as evidence: what the provider told us and what became of it, and attempts to pay."""

import json
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from orders.admin.profiles import profile_link
from orders.admin.refunds import SendsMoneyBack
from orders.admin.stuck import SavedFilters, StuckFilter
from orders.models import Checkout, PaymentEvent
from orders.services.payments import RETRYABLE, retry_event
from orders.stuck import KINDS
from trustengine.admin import EvidenceAdmin, Link, register_links
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.identities import SEE_IDENTITIES
from trustengine.admin.presentation import age, link_to, money, pill
from trustengine.admin.sidebar import MARKETPLACE
from trustengine.audit import reading
from trustengine.errors import DomainError

RETRY = "orders.retry_paymentevent"
TONES = {
    "received": "info",
    "waiting": "warning",
    "processed": "success",
    "ignored": "",
    "open": "info",
    "paid": "success",
    "expired": "",
    "refund_due": "danger",
}


@admin.register(PaymentEvent)
class PaymentEventAdmin(SavedFilters, EvidenceAdmin):
    """Webhook events of the payment provider, each taken once. What they say of people is shown to few."""

    list_filter = [("state", ChoicesDropdownFilter), StuckFilter, ("received_at", DayRangeFilter)]
    list_select_related = ["order", "checkout"]
    search_fields = ["id__exact", "payment_intent_id__exact", "type__exact"]
    search_ids = ["order_id", "checkout_id"]
    search_help_text = "The id of an event, a payment, a checkout or an order, or a type"
    ordering = ["-received_at", "-id"]
    sortable_by = ()
    change_form_template = "console/orders/payment_event.html"
    exclude = ["payload"]
    actions = ["try_again"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Order")
        def order(event: PaymentEvent) -> SafeString | str:
            return link_to(event.order, request.user)

        return ["type", "shown_state", "outcome", order, "tries", "received"]

    @admin.display(description="State")
    def shown_state(self, event: PaymentEvent) -> SafeString:
        return pill(event.state, TONES.get(event.state))

    @admin.display(description="Attempts")
    def tries(self, event: PaymentEvent) -> int:
        return event.attempts

    @admin.display(description="Received")
    def received(self, event: PaymentEvent) -> SafeString | str:
        return age(event.received_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**self.saved_filters(request), **(extra_context or {})})

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(RETRY)

    @admin.action(permissions=["retry"], description="Try again")
    def try_again(self, request: HttpRequest, queryset: QuerySet[PaymentEvent]) -> None:
        tried = 0
        refusals: set[str] = set()
        for event_id in queryset.order_by("pk").values_list("pk", flat=True):
            try:
                retry_event(event_id, actor=request.user)  # type: ignore[arg-type]
                tried += 1
            except DomainError as error:
                refusals.add(error.detail)
        if tried:
            self.message_user(request, f"{tried:,} event{'s'[: tried != 1]} will be tried again.", messages.SUCCESS)
        for refusal in sorted(refusals):
            self.message_user(request, refusal, messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        retry = self.admin_site.admin_view(self.retry_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<path:event_id>/retry/", retry, name="orders_paymentevent_retry"), *urls]

    def retry_view(self, request: HttpRequest, event_id: str) -> HttpResponse:
        """Try the one event again whose page this came from."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_retry_permission(request):
            raise PermissionDenied
        event = PaymentEvent.objects.filter(pk=event_id)
        if not event.exists():
            raise Http404
        self.try_again(request, event)
        return redirect("admin:orders_paymentevent_change", quote(event_id))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        event = self.get_object(request, unquote(object_id))
        context = self.event_context(event, request) if isinstance(event, PaymentEvent) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def event_context(self, event: PaymentEvent, request: HttpRequest) -> dict[str, Any]:
        """What the event's page shows this person."""
        may_see = request.user.has_perm(SEE_IDENTITIES)
        return {
            "event": event,
            "tone": TONES.get(event.state),
            "may_see_payload": may_see,
            "payload": json.dumps(event.payload, indent=2, ensure_ascii=False) if may_see else "",
            "may_retry": self.has_retry_permission(request) and event.state in RETRYABLE,
            "trail": reading.trail([event], request.user),
        }


@admin.register(Checkout)
class CheckoutAdmin(SavedFilters, SendsMoneyBack):
    """Attempts to pay: what was held, for how long, and how it ended."""

    list_filter = [
        ("state", ChoicesDropdownFilter),
        StuckFilter,
        ("created_at", DayRangeFilter),
    ]
    list_select_related = ["customer", "order"]
    search_fields = ["payment_intent_id__exact"]
    search_ids = ["id", "customer_id", "order_id"]
    search_help_text = "The id of a checkout, a payment, a customer or an order"
    ordering = ["-id"]
    sortable_by = ()
    change_form_template = "console/orders/checkout.html"
    fields = ()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Customer")
        def customer(checkout: Checkout) -> SafeString | str:
            return profile_link(checkout.customer, request.user)

        @admin.display(description="Order")
        def order(checkout: Checkout) -> SafeString | str:
            return link_to(checkout.order, request.user)

        return ["__str__", "shown_state", customer, order, "amount", "made", "expires"]

    @admin.display(description="State")
    def shown_state(self, checkout: Checkout) -> SafeString:
        return pill(checkout.state.replace("_", " "), TONES.get(checkout.state))

    @admin.display(description="Amount")
    def amount(self, checkout: Checkout) -> str:
        return money(checkout.amount_cents, checkout.currency)

    @admin.display(description="Made")
    def made(self, checkout: Checkout) -> SafeString | str:
        return age(checkout.created_at)

    @admin.display(description="Held until")
    def expires(self, checkout: Checkout) -> str:
        return f"{checkout.expires_at:%d %b %Y, %H:%M}" if checkout.state == Checkout.State.OPEN else "–"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**self.saved_filters(request), **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        checkout = self.get_object(request, object_id)
        context = self.checkout_context(checkout, request.user) if isinstance(checkout, Checkout) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def checkout_context(self, checkout: Checkout, viewer: Any) -> dict[str, Any]:
        """What the checkout's page shows."""
        return {
            "checkout": checkout,
            "state": checkout.state.replace("_", " "),
            "tone": TONES.get(checkout.state),
            "lines": list(checkout.lines.select_related("product").order_by("pk")),
            "customer": profile_link(checkout.customer, viewer),
            "events": events_of(checkout.events.all()),
            "trail": reading.trail([checkout], viewer),
        }


def events_of(events: QuerySet[PaymentEvent]) -> list[dict[str, Any]]:
    """Payment events with the colours of their states, newest first."""
    newest = events.defer("payload").order_by("-received_at", "-pk")[:50]
    return [{"event": event, "tone": TONES.get(event.state)} for event in newest]


def _waiting_events(request: HttpRequest) -> int:
    return KINDS["payment"].count()


register_links(
    MARKETPLACE,
    Link(
        "Payments",
        "orders_paymentevent_changelist",
        "payments",
        permission="orders.view_paymentevent",
        order=12,
        badge=_waiting_events,
    ),
    Link("Checkouts", "orders_checkout_changelist", "shopping_cart_checkout", "orders.view_checkout", order=14),
)
