"""Vendors' replies: those that wait first, each with the review that it answers."""

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from reviews.admin.deciding import APPROVED_OK, NO_VIOLATION, DecisionForm, Outcome
from reviews.admin.differences import difference
from reviews.models import ReplyRevision, VendorReply
from reviews.services import approve_reply, hide_reply, reject_reply, restore_reply
from trustengine.accounts.models import User
from trustengine.admin import EvidenceAdmin
from trustengine.admin.filters import DayRangeFilter, ReportsFilter
from trustengine.admin.presentation import age, link_to, pill
from trustengine.audit import reading
from trustengine.errors import DomainError

MODERATE = "reviews.moderate_review"


class PendingReplies(EvidenceAdmin):
    """A second list of the replies' admin, at a page of its own: what waits, longest first. For moderators only."""

    page_title = "Pending replies"
    list_display = ["words", "vendor", "product", "since"]
    list_select_related = ["vendor", "review__product"]
    search_fields = ["revisions__text", "vendor__display_name", "review__product__title"]
    search_ids = ["id", "review_id", "vendor_id"]
    search_help_text = "Words of the text, a vendor, a product"
    sortable_by = ()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(MODERATE)

    def get_queryset(self, request: HttpRequest) -> QuerySet[VendorReply]:
        waiting = {"waiting_since": F("revisions__created_at"), "waiting_text": F("revisions__text")}
        return VendorReply.objects.pending().annotate(**waiting)

    def get_ordering(self, request: HttpRequest) -> list[str]:
        return ["waiting_since", "pk"]

    @admin.display(description="Reply")
    def words(self, reply: Any) -> str:
        return _excerpt(reply.waiting_text)

    @admin.display(description="Product")
    def product(self, reply: VendorReply) -> str:
        return str(reply.review.product)

    @admin.display(description="Waiting")
    def since(self, reply: Any) -> SafeString | str:
        return age(reply.waiting_since)


@admin.register(VendorReply)
class VendorReplyAdmin(EvidenceAdmin):
    """Search, read and decide. Changes happen through decisions, never through the form."""

    page_title = "All replies"
    list_filter = [
        ("status", ChoicesDropdownFilter),
        ("is_hidden", BooleanRadioFilter),
        ReportsFilter,
        ("created_at", DayRangeFilter),
    ]
    list_select_related = ["vendor", "review__product"]
    list_display = ["words", "vendor", "product", "state", "reports", "written"]
    search_fields = ["text", "revisions__text", "vendor__display_name", "review__product__title"]
    search_ids = ["id", "review_id", "vendor_id"]
    search_help_text = "Words of the text, a vendor, a product"
    sortable_by = ("reports",)
    change_form_template = "console/reviews/reply.html"
    fields = ()

    ordering = ["-created_at", "-id"]

    @admin.display(description="Reply")
    def words(self, reply: VendorReply) -> str:
        return _excerpt(reply.text)

    @admin.display(description="Product")
    def product(self, reply: VendorReply) -> str:
        return str(reply.review.product)

    @admin.display(description="State")
    def state(self, reply: Any) -> SafeString:
        if reply.deleted_at:
            return pill("withdrawn", "")
        return pill("hidden") if reply.is_hidden else pill(reply.status)

    @admin.display(description="Reports", ordering="report_count")
    def reports(self, reply: VendorReply) -> int:
        return reply.report_count

    @admin.display(description="Written")
    def written(self, reply: VendorReply) -> SafeString | str:
        return age(reply.created_at)

    def get_urls(self) -> list[URLPattern]:
        queue = PendingReplies(self.model, self.admin_site)
        view = self.admin_site.admin_view
        own = [
            path("pending/", view(queue.changelist_view), name="reviews_vendorreply_pending"),
            path("<uuid:reply_id>/decide/", view(self.decide_view), name="reviews_vendorreply_decide"),
        ]
        urls: list[URLPattern] = super().get_urls()
        return own + urls

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        reply = self.get_object(request, object_id)
        context = page_context(reply, request) if isinstance(reply, VendorReply) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def decide_view(self, request: HttpRequest, reply_id: UUID) -> HttpResponse:
        """Carry out a decision and say what became of it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(MODERATE):
            raise PermissionDenied
        if not VendorReply.objects.filter(pk=reply_id).exists():
            raise Http404
        form = DecisionForm(request.POST)
        if form.is_valid():
            outcome = decide(reply_id, actor=request.user, **form.cleaned_data)  # type: ignore[arg-type]
            messages.add_message(request, messages.SUCCESS if outcome.taken else messages.WARNING, outcome.message)
        for errors in form.errors.values():
            messages.error(request, " ".join(str(error) for error in errors))
        return HttpResponseRedirect(reverse("admin:reviews_vendorreply_change", args=[reply_id]))


def _excerpt(text: str) -> str:
    return f"{text[:70]}…" if len(text) > 70 else text


def page_context(reply: VendorReply, request: HttpRequest) -> dict[str, Any]:
    """The texts, what screening found, the review that is answered, and the trail."""
    revisions = list(reply.revisions.select_related("decided_by").order_by("-number"))
    pending = next((revision for revision in revisions if revision.state == ReplyRevision.State.PENDING), None)
    may_moderate = request.user.has_perm(MODERATE) and reply.deleted_at is None
    is_edit = pending is not None and reply.status == VendorReply.Status.APPROVED
    return {
        "parent_url": reverse("admin:reviews_vendorreply_pending"),
        "parent_title": "Pending replies",
        "heading": f"Reply of {reply.vendor}",
        "reply": reply,
        "review": reply.review,
        "review_link": link_to(reply.review, request.user, "Open the review"),
        "revisions": revisions,
        "pending": pending,
        "changed": difference(reply.text, pending.text) if pending and is_edit else None,
        "signals": (pending or revisions[0]).signals if revisions else None,
        "form": DecisionForm(auto_id="decision_%s"),
        "may_decide": may_moderate and pending is not None,
        "may_hide": may_moderate and reply.status == VendorReply.Status.APPROVED,
        "trail": reading.trail([reply], request.user, limit=20),
    }


def decide(reply_id: UUID, *, action: str, actor: User, revision: int | None, reason: str) -> Outcome:
    """Have the service carry out one decision. What the rules refuse comes back as words."""
    services = {
        DecisionForm.APPROVE: (partial(approve_reply, revision=revision, reason=reason or APPROVED_OK), "Approved"),
        DecisionForm.REJECT: (partial(reject_reply, revision=revision, reason=reason), "Rejected"),
        DecisionForm.HIDE: (partial(hide_reply, reason=reason), "Hidden"),
        DecisionForm.RESTORE: (partial(restore_reply, reason=reason or NO_VIOLATION), "Restored"),
    }
    service, done = services[action]
    try:
        reply = service(reply_id, actor=actor)
    except DomainError as error:
        return Outcome(False, error.detail)
    except OperationalError:  # a lock or statement timeout: somebody else is at it
        return Outcome(False, "Somebody is working on it right now. Please try again.")
    return Outcome(True, f"{done}: the reply of {reply.vendor}.")
