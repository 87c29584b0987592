"""Everything that a moderator needs on one page to decide about a review."""

from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse

from reviews.admin.comparing import pace_of, similar_texts
from reviews.admin.deciding import DecisionForm
from reviews.admin.differences import difference
from reviews.admin.reputation import explained
from reviews.admin.restricting import RestrictionForm
from reviews.admin.waiting import signals_of
from reviews.models import ProductRating, Review, ReviewRevision, VendorReply
from reviews.reputation import standing_of
from trustengine.admin.presentation import link_to
from trustengine.audit import reading

HISTORY = 6


def page_context(review: Review, request: HttpRequest) -> dict[str, Any]:
    """The texts, the purchase, the author's record, what screening found, the product's stars and the trail."""
    revisions = list(review.revisions.select_related("screening", "decided_by").order_by("-number"))
    pending = next((revision for revision in revisions if revision.state == ReviewRevision.State.PENDING), None)
    standing = standing_of(review.author_id)
    signals = signals_of(pending or (revisions[0] if revisions else None))
    may_moderate = request.user.has_perm("reviews.moderate_review")
    queue = {"parent_url": reverse("admin:reviews_review_pending"), "parent_title": "Pending reviews"}
    return (queue if pending and may_moderate else {"parent_title": "All reviews"}) | {
        "review": review,
        "heading": (pending or review).title or f"Review {str(review.pk)[-8:]}",
        "revisions": revisions,
        "pending": pending,
        "is_edit": pending is not None and review.status == Review.Status.APPROVED,
        "changed": changed(review, pending),
        "signals": signals,
        "text": pending or review,
        "alike": similar_texts(review, pending or review, signals or ()),
        "pace": pace_of(review, signals or ()),
        "quarantine": getattr(review, "quarantine", None),
        "standing": standing,
        "reputation_parts": explained(standing.parts),
        "history": author_history(review),
        "histogram": histogram(ProductRating.objects.filter(product=review.product_id).first()),
        **_beside(review, request, may_moderate=may_moderate),
        "trail": reading.trail([review], request.user, limit=20),
        "form": DecisionForm(auto_id="decision_%s"),
        "may_decide": may_moderate and pending is not None and review.deleted_at is None,
        "may_hide": may_moderate and review.deleted_at is None and review.status == Review.Status.APPROVED,
    }


def _beside(review: Review, request: HttpRequest, *, may_moderate: bool) -> dict[str, Any]:
    """Photos, the vendor's reply, the restriction, and what the author withdrew before."""
    reply = VendorReply.objects.live().filter(review=review).first()
    earlier = ReviewRevision.objects.filter(
        review__author=review.author_id,
        review__product=review.product_id,
        review__deleted_at__isnull=False,
        review__created_at__lt=review.created_at,
    ).select_related("decided_by")
    return {
        "photos": list(review.photos.all()),
        "reply": reply,
        "reply_link": link_to(reply, request.user, "Open the reply"),
        "restriction": review.restrictions.active().select_related("imposed_by").first(),
        "restriction_form": RestrictionForm(auto_id="restriction_%s"),
        "may_restrict": may_moderate and review.deleted_at is None,
        "earlier": list(earlier.order_by("-created_at")[:HISTORY]),
    }


def changed(review: Review, pending: ReviewRevision | None) -> dict[str, Any] | None:
    """What the pending text does to the public one; None for a first text."""
    if pending is None or review.status != Review.Status.APPROVED:
        return None
    return {
        "title": difference(review.title, pending.title),
        "comment": difference(review.comment, pending.comment),
        "stars": review.rating != pending.rating,
    }


def author_history(review: Review) -> dict[str, Any]:
    """The author's other reviews: how many of each status, and the latest."""
    others = Review.objects.filter(author=review.author_id).exclude(pk=review.pk)
    counts = dict(others.order_by().values_list("status").annotate(Count("pk")))
    latest = list(others.select_related("product").order_by("-created_at")[:HISTORY])
    return {"counts": counts, "latest": latest, "total": sum(counts.values())}


def histogram(rating: ProductRating | None) -> dict[str, Any]:
    """A product's counted stars, five first, each with its share of all in percent."""
    count = rating.count if rating else 0
    bars = []
    for star in range(5, 0, -1):
        number = getattr(rating, f"stars_{star}") if rating else 0
        bars.append({"star": star, "number": number, "percent": round(100 * number / count) if count else 0})
    return {"bars": bars, "count": count, "average": rating.average if rating else None}
