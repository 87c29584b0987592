"""Products under attack: what the burst looks like, and the two ways to end their quarantine."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from reviews.admin.decision_page import histogram
from reviews.models import ProductRating, Quarantine, Review
from reviews.services import drop_quarantine, release_quarantine
from trustengine.accounts.models import User
from trustengine.admin import Area, Card, Chart, EvidenceAdmin, Link, Series, register_links, register_panel
from trustengine.admin.days import filled, labels, start_of
from trustengine.admin.presentation import age, link_to, pill
from trustengine.admin.sidebar import MODERATION
from trustengine.audit import reading
from trustengine.errors import DomainError

MODERATE = "reviews.moderate_review"
TONES = {"open": "danger", "released": "success", "dropped": ""}
DAYS_BEFORE, MOST_DAYS, LATEST = 14, 28, 12
SERVICES: dict[str, tuple[Callable[..., Quarantine], str]] = {
    "release": (release_quarantine, "Released: these ratings count now."),
    "drop": (drop_quarantine, "Dropped: these ratings stay out for good."),
}


@admin.register(Quarantine)
class QuarantineAdmin(EvidenceAdmin):
    """Open ones first. They are ended by one of two buttons, on their own page."""

    page_title = "Quarantines"
    list_filter = [("state", ChoicesDropdownFilter)]
    list_select_related = ["product"]
    search_fields = ["product__title"]
    search_ids = ["id", "product_id"]
    search_help_text = "A product, or an id"
    ordering = ["decided_at", "-opened_at", "-id"]
    sortable_by = ()
    fields = ()
    change_form_template = "console/reviews/quarantine.html"

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return ["product", "shown_state", "why", "opened", "ended"]

    @admin.display(description="State")
    def shown_state(self, row: Quarantine) -> SafeString:
        return pill(row.state, TONES[row.state])

    @admin.display(description="Why")
    def why(self, row: Quarantine) -> str:
        return why(row)

    @admin.display(description="Opened")
    def opened(self, row: Quarantine) -> SafeString | str:
        return age(row.opened_at)

    @admin.display(description="Ended")
    def ended(self, row: Quarantine) -> SafeString | str:
        return age(row.decided_at)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path(f"<uuid:pk>/{what}/", view(self.end_view), {"what": what}, name=f"reviews_quarantine_{what}")
            for what in SERVICES
        ]
        urls: list[URLPattern] = super().get_urls()
        return own + urls

    def end_view(self, request: HttpRequest, pk: UUID, what: str) -> HttpResponse:
        """Release or drop, and say what became of it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(MODERATE):
            raise PermissionDenied
        service, done = SERVICES[what]
        try:
            service(pk, actor=cast(User, request.user))
            messages.success(request, done)
        except DomainError as refusal:
            messages.warning(request, refusal.detail)
        return redirect("admin:reviews_quarantine_changelist")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = _page(row, request) if isinstance(row, Quarantine) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page


def why(row: Quarantine) -> str:
    """The reason of a quarantine in words, with its numbers where there are any."""
    if row.found is None or row.expected is None:
        return "opened by hand" if row.opened_by_id else row.reason.replace("_", " ")
    return f"{row.found} reviews where {row.expected:.1f} were to be expected"


def burst_chart(row: Quarantine) -> Chart:
    """Reviews of the product a day, from two weeks before the burst on, and how many of them are kept out."""
    first = timezone.localdate(row.since) - timedelta(days=DAYS_BEFORE)
    last = min(timezone.localdate(row.decided_at), first + timedelta(days=MOST_DAYS))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    within = Review.objects.filter(
        product=row.product_id, created_at__gte=start_of(first), created_at__lt=start_of(last + timedelta(days=1))
    )
    per_day = within.order_by().values_list(TruncDate("created_at"))
    counts = list(per_day.annotate(written=Count("pk"), kept_out=Count("pk", filter=Q(quarantine=row))))
    written, kept_out = ({day: pair[at] for day, *pair in counts} for at in (0, 1))
    summary = f"{sum(written.values())} reviews in {len(days)} days, {sum(kept_out.values())} of them kept out."
    return Chart(
        "Reviews of this product a day",
        summary,
        labels(days),
        [
            Series("Written", filled(days, written), "--color-base-400"),
            Series("Kept out", filled(days, kept_out), "--te-rejected"),
        ],
    )


def _page(row: Quarantine, request: HttpRequest) -> dict[str, Any]:
    members = Review.objects.filter(quarantine=row).select_related("product")
    stars = dict(members.order_by().values_list("rating").annotate(Count("pk")))
    total = sum(stars.values())
    return {
        "quarantine": row,
        "heading": f"Quarantine of {row.product}",
        "why": why(row),
        "tone": TONES[row.state],
        "product_link": link_to(row.product, request.user),
        "chart": burst_chart(row),
        "total": total,
        "kept_out": [(star, number := stars.get(star, 0), 100 * number // max(1, total)) for star in range(5, 0, -1)],
        "members": list(members.order_by("-created_at", "-pk")[:LATEST]),
        "histogram": histogram(ProductRating.objects.filter(product=row.product_id).first()),
        "trail": reading.trail([row], request.user, limit=10),
        "may_decide": row.is_open and request.user.has_perm(MODERATE),
        "parent_url": reverse("admin:reviews_quarantine_changelist"),
        "parent_title": "Quarantines",
    }


def count_open(request: HttpRequest) -> int:
    """The number on the sidebar's link."""
    return Quarantine.objects.filter(state=Quarantine.State.OPEN).count()


@register_panel(Area.CARDS, permission=MODERATE, order=15)
def products_under_attack(request: HttpRequest) -> Card:
    number = count_open(request)
    note = "Their new ratings wait for you." if number else "No burst waits for a decision."
    page = reverse("admin:reviews_quarantine_changelist")
    return Card("Products under attack", number, note, "shield", page, urgent=bool(number))


register_links(
    MODERATION,
    Link("Quarantines", "reviews_quarantine_changelist", "shield", permission=MODERATE, order=50, badge=count_open),
)
