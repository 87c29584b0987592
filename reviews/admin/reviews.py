"""All reviews, the queue of those that wait, and the page on which one is decided."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, DropdownFilter

from reviews import files
from reviews.admin.deciding import DecisionForm, decide
from reviews.admin.decision_page import page_context
from reviews.admin.queue import PendingQueue
from reviews.admin.restricting import RestrictionForm, carry_out
from reviews.admin.viral import viral_page
from reviews.admin.waiting import next_waiting
from reviews.models import Review, ReviewPhoto
from trustengine.admin import EvidenceAdmin, name_of
from trustengine.admin.filters import DayRangeFilter, ReportsFilter
from trustengine.admin.presentation import age, pill, stars

MODERATE = "reviews.moderate_review"


class RatingFilter(DropdownFilter):
    """By the public stars."""

    title = "rating"
    parameter_name = "rating"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(rating), "★" * rating) for rating in range(5, 0, -1)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Review]) -> QuerySet[Review]:
        return queryset.filter(rating=self.value()) if self.value() in set("12345") else queryset


@admin.register(Review)
class ReviewAdmin(EvidenceAdmin):
    """Search and read reviews. Changes happen through decisions, never through the form."""

    page_title = "All reviews"
    list_filter = [
        ("status", ChoicesDropdownFilter),
        RatingFilter,
        ReportsFilter,
        ("is_hidden", BooleanRadioFilter),
        ("created_at", DayRangeFilter),
    ]
    list_select_related = ["product", "author"]
    search_fields = ["title", "comment", "product__title", "author__id__endswith"]
    search_ids = ["id", "product_id", "author_id", "order_item_id"]
    search_help_text = "Words of the text, a product, an author"
    ordering = ["-created_at", "-id"]
    sortable_by = ("reports",)
    change_form_template = "console/reviews/review.html"
    fields = ()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Author")
        def author(review: Review) -> str:
            return name_of(review.author, request.user)

        return ["text", "shown_rating", "product", author, "state", "helpful", "reports", "written"]

    @admin.display(description="Review")
    def text(self, review: Review) -> str:
        text = review.title or review.comment
        return f"{text[:70]}…" if len(text) > 70 else text or "(stars only)"

    @admin.display(description="Rating")
    def shown_rating(self, review: Review) -> SafeString:
        return stars(review.rating)

    @admin.display(description="State")
    def state(self, review: Review) -> SafeString:
        if review.deleted_at:
            return pill("withdrawn", "")
        if review.restricted_at:
            return pill("restricted", "danger")
        return pill("hidden") if review.is_hidden else pill(review.status)

    @admin.display(description="Helpful")
    def helpful(self, review: Review) -> str:
        return f"{review.helpful_votes} / {review.helpful_votes + review.unhelpful_votes}"

    @admin.display(description="Reports", ordering="report_count")
    def reports(self, review: Review) -> int:
        return review.report_count

    @admin.display(description="Written")
    def written(self, review: Review) -> SafeString | str:
        return age(review.created_at)

    def get_urls(self) -> list[URLPattern]:
        queue = PendingQueue(self.model, self.admin_site)
        view = self.admin_site.admin_view
        own = [
            path("pending/", view(queue.changelist_view), name="reviews_review_pending"),
            path("pending/next/", view(self.next_view), name="reviews_review_next"),
            path("viral/", view(partial(viral_page, self.admin_site)), name="reviews_review_viral"),
            path("<uuid:review_id>/decide/", view(self.decide_view), name="reviews_review_decide"),
            path("<uuid:review_id>/restrict/", view(self.restrict_view), name="reviews_review_restrict"),
            path("photos/<uuid:photo_id>/", view(self.photo_view), name="reviews_review_photo"),
        ]
        urls: list[URLPattern] = super().get_urls()
        return own + urls

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """The review that has waited longest, or the empty queue."""
        _require_moderator(request)
        review = next_waiting()
        return (
            redirect("admin:reviews_review_change", review.pk) if review else redirect("admin:reviews_review_pending")
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        review = self.get_object(request, object_id)
        context = page_context(review, request) if isinstance(review, Review) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def decide_view(self, request: HttpRequest, review_id: UUID) -> HttpResponse:
        """Carry out a decision, say what became of it, and go on to the next review that waits."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        _require_moderator(request)
        review = Review.objects.filter(pk=review_id).first()
        if review is None:
            raise Http404
        here = reverse("admin:reviews_review_change", args=[review.pk])
        form = DecisionForm(request.POST)
        if not form.is_valid():
            for errors in form.errors.values():
                messages.error(request, " ".join(str(error) for error in errors))
            return HttpResponseRedirect(here)
        outcome = decide(review, actor=request.user, **form.cleaned_data)  # type: ignore[arg-type]
        messages.add_message(request, messages.SUCCESS if outcome.taken else messages.WARNING, outcome.message)
        settled = form.cleaned_data["action"] in {DecisionForm.APPROVE, DecisionForm.REJECT}
        return redirect("admin:reviews_review_next") if outcome.taken and settled else HttpResponseRedirect(here)

    def restrict_view(self, request: HttpRequest, review_id: UUID) -> HttpResponse:
        """Restrict a review or lift its restriction, and say what became of it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        _require_moderator(request)
        review = get_object_or_404(Review, pk=review_id)
        form = RestrictionForm(request.POST)
        if form.is_valid():
            outcome = carry_out(review, form.cleaned_data, actor=request.user)  # type: ignore[arg-type]
            messages.add_message(request, messages.SUCCESS if outcome.taken else messages.WARNING, outcome.message)
        for errors in form.errors.values():
            messages.error(request, " ".join(str(error) for error in errors))
        return redirect("admin:reviews_review_change", review.pk)

    def photo_view(self, request: HttpRequest, photo_id: UUID) -> HttpResponse:
        """A photo in any state, for those who may read reviews here."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        photo = get_object_or_404(ReviewPhoto, pk=photo_id)
        data = files.read(photo.name)
        if data is None:
            raise Http404
        return HttpResponse(data, content_type="image/jpeg")


def _require_moderator(request: HttpRequest) -> None:
    if not request.user.has_perm(MODERATE):
        raise PermissionDenied
