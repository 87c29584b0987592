"""The queue: one page of what waits, oldest first, with decisions on many at once."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reviews.admin.deciding import REASONS, DecisionForm, QueueActionForm, decide
from reviews.admin.waiting import pending_revision, signals_of, waiting, waiting_since, with_pending_texts
from reviews.models import Review
from trustengine.admin import EvidenceAdmin, name_of
from trustengine.admin.presentation import age, link_to

SEEN = "seen"
NONE_SEEN = 0  # the number of no text: without having seen one, nothing is decided


class PendingQueue(EvidenceAdmin):
    """A second list of the reviews' admin, at a page of its own. Only moderators may open it."""

    page_title = "Pending reviews"
    list_per_page = 25
    list_display_links = None
    list_select_related = False
    list_filter: list[Any] = []
    search_fields = ["revisions__title", "revisions__comment", "product__title", "author__id__endswith"]
    search_ids = ["id", "product_id", "author_id"]
    search_help_text = "Words of the text, a product, an author"
    sortable_by = ()
    action_form = QueueActionForm
    actions = ["approve", "reject"]
    change_list_template = "console/reviews/queue.html"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("reviews.moderate_review")

    has_moderate_permission = has_view_permission

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        return with_pending_texts(waiting())

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["waiting_since", "pk"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Author")
        def author(review: Review) -> SafeString:
            reputation = getattr(review.author, "reputation", None)
            standing = f"reputation {reputation.score}" if reputation else "no decision yet"
            return format_html(
                '<span class="te-who">{}<small>{}</small></span>', name_of(review.author, request.user), standing
            )

        @admin.display(description="Product")
        def product(review: Review) -> SafeString | str:
            return link_to(review.product, request.user)

        return ["what_waits", product, author, "since"]

    @admin.display(description="What waits")
    def what_waits(self, review: Review) -> str:
        revision = pending_revision(review)
        context = {
            "review": review,
            "revision": revision,
            "signals": signals_of(revision),
            "url": reverse("admin:reviews_review_change", args=[review.pk]),
            "is_edit": review.status == Review.Status.APPROVED,
        }
        return render_to_string("console/reviews/queue_row.html", context)

    @admin.display(description="Waiting")
    def since(self, review: Review) -> SafeString | str:
        return age(waiting_since(review))

    @admin.action(description="Approve", permissions=["moderate"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        self._decide(request, queryset, DecisionForm.APPROVE, "")

    @admin.action(description="Reject", permissions=["moderate"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        reason = request.POST.get("reason", "")
        if reason not in dict(REASONS):
            self.message_user(request, "Nothing was rejected: please choose a reason.", messages.ERROR)
            return
        self._decide(request, queryset, DecisionForm.REJECT, reason)

    def _decide(self, request: HttpRequest, queryset: QuerySet[Review], what: str, reason: str) -> None:
        """Decide one by one, each in a transaction of its own, on the text that the page showed."""
        for review in queryset:
            seen = request.POST.get(f"{SEEN}_{review.pk}", "")
            outcome = decide(
                review,
                action=what,
                actor=request.user,  # type: ignore[arg-type]
                revision=int(seen) if seen.isdecimal() else NONE_SEEN,
                reason=reason,
            )
            self.message_user(request, outcome.message, messages.SUCCESS if outcome.taken else messages.WARNING)
