"""Capacity of outside services: what operators allow of it, what is used at the moment, and every lease."""

from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from billing.models import CapacityLease, ProviderEndpoint
from billing.services.endpoints import ADD, CHANGE, LIMITS, NAMES, add_endpoint, change_endpoint, end_cooling
from trustengine.accounts.models import User
from trustengine.admin import EvidenceAdmin, Link, register_links
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, link_to, pill
from trustengine.admin.sidebar import SYSTEM
from trustengine.audit import reading
from trustengine.database_time import database_now
from trustengine.errors import DomainError

TONES = {"held": "primary", "settled": "success", "released": "info", "expired": "warning"}
LATEST = 20


class EndpointForm(ModelForm):
    class Meta:
        model = ProviderEndpoint
        fields = [*NAMES, *LIMITS]


class LimitsAdmin(EvidenceAdmin):
    """Rows that those with the right add and edit, through services; none is deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ADD)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(CHANGE)


@admin.register(ProviderEndpoint)
class ProviderEndpointAdmin(LimitsAdmin):
    """Endpoints with their use at the moment. Limits are edited by those with the right; code names the endpoints."""

    page_title = "Outside services"
    form = EndpointForm
    list_display = ["shown_name", "state", "calls", "requests", "tokens", "refused"]
    ordering = ["provider", "endpoint"]
    sortable_by = ()
    fields = [*NAMES, *LIMITS]
    change_form_template = "console/billing/endpoint.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderEndpoint]:
        return ProviderEndpoint.objects.with_use(database_now())

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return NAMES if obj is not None else ()

    @admin.display(description="Service")
    def shown_name(self, endpoint: ProviderEndpoint) -> str:
        return str(endpoint)

    @admin.display(description="State")
    def state(self, endpoint: ProviderEndpoint) -> SafeString:
        return state_of(endpoint)

    @admin.display(description="Calls under way")
    def calls(self, endpoint: ProviderEndpoint) -> str:
        return _of(endpoint.in_use, endpoint.parallel_calls)

    @admin.display(description="Requests in the last minute")
    def requests(self, endpoint: ProviderEndpoint) -> str:
        return _of(endpoint.requests, endpoint.requests_per_minute)

    @admin.display(description="Tokens in the last minute")
    def tokens(self, endpoint: ProviderEndpoint) -> str:
        return _of(endpoint.tokens, endpoint.tokens_per_minute)

    @admin.display(description="Refused in the last hour")
    def refused(self, endpoint: ProviderEndpoint) -> str:
        return f"{endpoint.refused:,}"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.end_cooling_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("<uuid:endpoint_id>/end-cooling/", view, name="billing_providerendpoint_end_cooling"), *urls]

    def end_cooling_view(self, request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
        """Call an endpoint again before the time that its provider asked for."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            end_cooling(endpoint_id, actor=cast(User, request.user))
            messages.success(request, "It is called again from now on.")
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        return redirect("admin:billing_providerendpoint_change", endpoint_id)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        endpoint = self.get_object(request, object_id)
        context = endpoint_context(endpoint, request) if isinstance(endpoint, ProviderEndpoint) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def save_model(self, request: HttpRequest, obj: ProviderEndpoint, form: Any, change: bool) -> None:
        actor = cast(User, request.user)
        given = {name: form.cleaned_data[name] for name in form.changed_data if name in LIMITS}
        if change:
            change_endpoint(obj.pk, actor=actor, changes=given)
        else:
            row = add_endpoint(provider=obj.provider, endpoint=obj.endpoint, limits=given, actor=actor)
            obj.pk, obj._state.adding = row.pk, False


@admin.register(CapacityLease)
class CapacityLeaseAdmin(EvidenceAdmin):
    """Every call of the last days: what was taken for it, what it used, and how it ended."""

    page_title = "Calls to outside services"
    list_filter = [
        ("endpoint", RelatedDropdownFilter),
        ("state", ChoicesDropdownFilter),
        ("acquired_at", DayRangeFilter),
    ]
    list_select_related = ["endpoint"]
    search_fields = ["id__exact"]
    search_help_text = "The id of a lease"
    ordering = ["-acquired_at", "-id"]
    sortable_by = ()
    fields = ["endpoint", "state", "estimate_tokens", "actual_tokens", "acquired_at", "expires_at", "settled_at"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Service")
        def service(lease: CapacityLease) -> SafeString | str:
            return link_to(lease.endpoint, request.user)

        return ["taken", "shown_state", service, "estimate", "charged", "lasted"]

    @admin.display(description="Begun")
    def taken(self, lease: CapacityLease) -> SafeString | str:
        return age(lease.acquired_at)

    @admin.display(description="State")
    def shown_state(self, lease: CapacityLease) -> SafeString:
        return pill(lease.state, TONES[lease.state])

    @admin.display(description="Tokens estimated")
    def estimate(self, lease: CapacityLease) -> str:
        return f"{lease.estimate_tokens:,}"

    @admin.display(description="Tokens charged")
    def charged(self, lease: CapacityLease) -> str:
        return "–" if lease.actual_tokens is None else f"{lease.actual_tokens:,}"

    @admin.display(description="Lasted")
    def lasted(self, lease: CapacityLease) -> str:
        return lasted(lease)


def state_of(endpoint: ProviderEndpoint) -> SafeString:
    """Whether an endpoint may be called, and whether there is room, as a coloured word."""
    if not endpoint.is_active:
        return pill("off", "")
    if endpoint.cooling_until is not None and endpoint.cooling_until > database_now():
        return pill("left alone", "warning")
    pairs = (
        (endpoint.in_use, endpoint.parallel_calls),
        (endpoint.requests, endpoint.requests_per_minute),
        (endpoint.tokens, endpoint.tokens_per_minute),
    )
    is_full = any(most is not None and used >= most for used, most in pairs)
    return pill("full", "warning") if is_full else pill("open", "success")


def endpoint_context(endpoint: ProviderEndpoint, request: HttpRequest) -> dict[str, Any]:
    """What an endpoint's page shows beside its limits."""
    leases = list(endpoint.leases.order_by("-acquired_at", "-pk")[:LATEST])
    is_cooling = endpoint.cooling_until is not None and endpoint.cooling_until > database_now()
    return {
        "parent_title": ProviderEndpointAdmin.page_title,
        "endpoint": endpoint,
        "state": state_of(endpoint),
        "use": [
            ("Calls under way", _of(endpoint.in_use, endpoint.parallel_calls)),
            ("Requests in the last minute", _of(endpoint.requests, endpoint.requests_per_minute)),
            ("Tokens in the last minute", _of(endpoint.tokens, endpoint.tokens_per_minute)),
            ("Refused in the last hour", f"{endpoint.refused:,}"),
        ],
        "is_cooling": is_cooling,
        "may_change": request.user.has_perm(CHANGE),
        "leases": [(lease, TONES[lease.state], lasted(lease)) for lease in leases],
        "trail": reading.trail([endpoint], request.user, limit=LATEST),
    }


def lasted(lease: CapacityLease) -> str:
    """How long a call took, as far as its lease knows."""
    if lease.settled_at is None:
        return "–"
    return f"{(lease.settled_at - lease.acquired_at).total_seconds():,.1f} s"


def _of(used: int, most: int | None) -> str:
    return f"{used:,}" if most is None else f"{used:,} of {most:,}"


register_links(
    SYSTEM,
    Link(
        "Outside services",
        "billing_providerendpoint_changelist",
        "cloud_sync",
        permission="billing.view_providerendpoint",
        order=95,
    ),
    Link(
        "Calls outside",
        "billing_capacitylease_changelist",
        "outbound",
        permission="billing.view_capacitylease",
        order=96,
    ),
)
