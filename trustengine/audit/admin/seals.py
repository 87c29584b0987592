"""The seals over the log, and when they were last verified."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from trustengine.admin import Area, Card, EvidenceAdmin, Link, register_links, register_panel
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, duration, pill
from trustengine.admin.sidebar import SYSTEM
from trustengine.audit.models import Seal, Verification
from trustengine.database_time import database_now

LATE_AFTER_DAYS = 2


@admin.register(Seal)
class SealAdmin(EvidenceAdmin):
    """Each seal names its entries with their digests, and the seal before."""

    list_display = ["shown_number", "count", "sealed", "short_hash"]
    list_filter = [("sealed_at", DayRangeFilter)]
    search_fields = ["number__exact"]
    search_help_text = "A seal's number or id"
    ordering = ["-number"]
    sortable_by = ()
    fields = ["number", "sealed_at", "count", "first_position", "last_position", "shown_hash", "shown_previous"]
    readonly_fields = ["shown_hash", "shown_previous"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Seal]:
        """Without the arrays, which are what makes a seal large."""
        return super().get_queryset(request).defer("entry_ids", "entry_digests")

    @admin.display(description="Seal")
    def shown_number(self, seal: Seal) -> str:
        return f"{seal.number:,}"

    @admin.display(description="Sealed")
    def sealed(self, seal: Seal) -> SafeString | str:
        return age(seal.sealed_at)

    @admin.display(description="Hash")
    def short_hash(self, seal: Seal) -> SafeString:
        return format_html("<code>{}…</code>", bytes(seal.hash).hex()[:16])

    @admin.display(description="Hash")
    def shown_hash(self, seal: Seal) -> SafeString:
        return format_html("<code>{}</code>", bytes(seal.hash).hex())

    @admin.display(description="Hash of the seal before")
    def shown_previous(self, seal: Seal) -> SafeString:
        return format_html("<code>{}</code>", bytes(seal.previous_hash).hex())


@admin.register(Verification)
class VerificationAdmin(EvidenceAdmin):
    """What each verification of the seals found."""

    list_display = ["shown_at", "outcome", "last_seal", "entries"]
    ordering = ["-at", "-id"]
    sortable_by = ()
    fields = ["at", "outcome", "first_seal", "last_seal", "entries", "problems", "named", "seconds"]
    readonly_fields = ["outcome", "named"]

    @admin.display(description="Verified")
    def shown_at(self, verification: Verification) -> SafeString | str:
        return age(verification.at)

    @admin.display(description="Outcome")
    def outcome(self, verification: Verification) -> SafeString:
        if verification.is_intact:
            return pill("intact", "success")
        return pill(_problems(verification), "danger")

    @admin.display(description="First problems")
    def named(self, verification: Verification) -> SafeString | str:
        return format_html_join("", "<p>{}</p>", ((line,) for line in verification.examples)) or "–"


@register_panel(Area.CARDS, permission="audit.view_verification", order=60)
def last_verified(request: HttpRequest) -> Card:
    last = Verification.objects.order_by("-at", "-pk").first()
    address = reverse("admin:audit_verification_changelist")
    if last is None:
        return Card("Audit log", "–", "Not verified yet.", "lock", address)
    passed = database_now() - last.at
    when = duration(passed)
    ago = when if when == "just now" else f"{when} ago"
    return Card(
        "Audit log",
        "Intact" if last.is_intact else _problems(last),
        f"Last verified: seal {last.last_seal:,}, {ago}",
        "lock",
        address,
        urgent=not last.is_intact or passed.days >= LATE_AFTER_DAYS,
    )


def _problems(verification: Verification) -> str:
    return "1 problem" if verification.problems == 1 else f"{verification.problems:,} problems"


register_links(
    SYSTEM,
    Link("Seals", "audit_seal_changelist", "lock", permission="audit.view_seal", order=30),
    Link("Verifications", "audit_verification_changelist", "verified", permission="audit.view_verification", order=31),
)
