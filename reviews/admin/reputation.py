"""A user's reputation explained by its parts, and the strikes among them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from reviews.models import Reputation, Strike
from reviews.models.reputation import START
from reviews.services import revoke_strike
from trustengine.admin import EvidenceAdmin, Link, name_of, register_links
from trustengine.admin.identities import SEE_IDENTITIES
from trustengine.admin.presentation import age, pill
from trustengine.admin.sidebar import MODERATION
from trustengine.database_time import database_now
from trustengine.errors import DomainError


class Explained(NamedTuple):
    """One part of a reputation in plain words."""

    name: str
    words: str
    points: int
    bounds: str


# By the names of ``reviews.reputation.parts``: what it is called, what it followed from, and how far it goes.
WORDS = {
    "approved": ("Approved texts", "{approved} approved", "0 to +18"),
    "rejected": ("Rejected texts", "{rejected} rejected", "−48 to 0"),
    "helpfulness": ("Found helpful", "{helpful} helpful votes, {unhelpful} unhelpful", "−6 to +6"),
    "refunds": ("Refunded purchases", "{refunded} of {of} reviewed purchases refunded", "−15 to 0"),
    "strikes": ("Strikes", "{active} active", "−60 to 0"),
    "reports": ("Own reports", "{upheld} upheld, {dismissed} dismissed", "−8 to +4"),
    "age": ("Time as a member", "{months} of 12 steps of 30 days", "0 to +20"),
}


def explained(parts: Mapping[str, Mapping[str, int]]) -> list[Explained]:
    """The parts of a reputation as rows of a table, the start first; empty where there are none."""
    rows = [
        Explained(name, words.format(**parts[part]), parts[part]["points"], bounds)
        for part, (name, words, bounds) in WORDS.items()
        if part in parts
    ]
    return [Explained("Start", "for everybody", START, ""), *rows] if rows else []


@admin.register(Reputation)
class ReputationAdmin(EvidenceAdmin):
    """What is known of users as authors, and how each score came about."""

    page_title = "Reputations"
    list_select_related = ["user"]
    list_filter = ["formula_version"]
    search_ids = ["user_id"]
    search_help_text = "A user: their id, or how it ends"
    ordering = ["score", "user"]
    sortable_by = ()
    fields = ()
    change_form_template = "console/reviews/reputation.html"

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="User")
        def user(reputation: Reputation) -> str:
            return name_of(reputation.user, request.user)

        return [user, "score", "consecutive_approved", "warnings_count", "computed"]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Names only for those who may know them: otherwise a search would say, letter by letter, who a user is."""
        return ["user__id__endswith", *(["user__username"] if request.user.has_perm(SEE_IDENTITIES) else [])]

    @admin.display(description="Computed")
    def computed(self, reputation: Reputation) -> SafeString | str:
        return age(reputation.computed_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        reputation = self.get_object(request, object_id)
        context: dict[str, Any] = {}
        if isinstance(reputation, Reputation):
            strikes = list(Strike.objects.filter(user=reputation.user_id).order_by("-given_at")[:20])
            context = {
                "reputation": reputation,
                "heading": f"Reputation of {name_of(reputation.user, request.user)}",
                "parts": explained(reputation.parts),
                "strikes": [(strike, state_of(strike)) for strike in strikes],
            }
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page


@admin.register(Strike)
class StrikeAdmin(EvidenceAdmin):
    """Strikes that were given. One that was given in error is revoked here."""

    page_title = "Strikes"
    list_select_related = ["user", "given_by"]
    list_filter = ["reason", ("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["reason"]
    search_ids = ["id", "user_id"]
    ordering = ["-given_at", "-pk"]
    sortable_by = ()
    fields = readonly_fields = ["id", "reason", "given_at", "expires_at", "revoked_at"]
    actions = ["revoke"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="User")
        def user(strike: Strike) -> str:
            return name_of(strike.user, request.user)

        return ["reason", user, "state", "given", "expires_at"]

    @admin.display(description="State")
    def state(self, strike: Strike) -> SafeString:
        return pill(*state_of(strike))

    @admin.display(description="Given")
    def given(self, strike: Strike) -> SafeString | str:
        return age(strike.given_at)

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("reviews.moderate_review")

    @admin.action(description="Revoke", permissions=["moderate"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Strike]) -> None:
        for strike in queryset.order_by("pk"):
            try:
                revoke_strike(strike.pk, actor=request.user, reason="staff_action")  # type: ignore[arg-type]
            except DomainError as refusal:
                self.message_user(request, f"{strike}: {refusal.detail}", messages.WARNING)
            else:
                self.message_user(request, f"{strike}: revoked.", messages.SUCCESS)


def state_of(strike: Strike) -> tuple[str, str]:
    """A strike's state in a word, with the tone that it is shown in."""
    if strike.revoked_at:
        return "revoked", ""
    return ("active", "danger") if strike.expires_at > database_now() else ("run out", "")


register_links(
    MODERATION,
    Link(
        "Reputations", "reviews_reputation_changelist", "military_tech", permission="reviews.view_reputation", order=40
    ),
    Link("Strikes", "reviews_strike_changelist", "gavel", permission="reviews.view_strike", order=50),
)
