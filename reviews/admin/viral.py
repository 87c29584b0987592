"""Which reviews are viral now, and how evenly their shards fill."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from reviews.models import SHARDS, Review, ReviewHeat, ReviewVoteShard
from reviews.shards import UNEVEN_FROM
from trustengine.admin import Area, Link, Panel, register_links, register_panel
from trustengine.admin.sidebar import MODERATION

VIEW = "reviews.view_review"
MOST = 50
FEW = 5


def viral_page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The viral reviews of this moment, fastest first, each with its 64 shards as a bar chart."""
    if not request.user.has_perm(VIEW):
        raise PermissionDenied
    heats = list(ReviewHeat.objects.viral().order_by("-votes_per_second", "pk")[:MOST])
    context = {"title": "Viral reviews", "rows": _rows(heats), "shard_count": SHARDS}
    return TemplateResponse(request, "console/reviews/viral.html", site.each_context(request) | context)


@register_panel(Area.LISTS, permission=VIEW, order=60)
def viral_now(request: HttpRequest) -> Panel:
    heats = list(ReviewHeat.objects.viral().order_by("-votes_per_second", "pk")[:FEW])
    reviews = _reviews(heat.pk for heat in heats)
    rows = [{"heat": heat, "review": reviews[heat.pk]} for heat in heats if heat.pk in reviews]
    url = reverse("admin:reviews_review_viral")
    return Panel("Viral now", "console/reviews/viral_now.html", {"rows": rows}, url, "Show all")


def spread(filled: Sequence[int]) -> dict[str, Any]:
    """How evenly actions lie in the shards: emptiest, fullest, mean, and chi-square per degree of freedom.

    Around 1 the shards fill as chance has it; several times that, and something favours some of them.
    """
    counts = [*filled, *[0] * (SHARDS - len(filled))]
    mean = sum(counts) / SHARDS
    chi_square = sum((count - mean) ** 2 for count in counts) / mean / (SHARDS - 1) if mean else 0.0
    fullest = max(counts)
    return {
        "emptiest": min(counts),
        "fullest": fullest,
        "mean": mean,
        "unevenness": chi_square,
        "is_even": chi_square < UNEVEN_FROM,
        "bars": [round(100 * count / fullest) if fullest else 0 for count in counts],
    }


def _rows(heats: Sequence[ReviewHeat]) -> list[dict[str, Any]]:
    reviews = _reviews(heat.pk for heat in heats)
    shards: dict[UUID, list[int]] = {}
    found = ReviewVoteShard.objects.filter(review_id__in=list(reviews)).order_by("review_id", "shard")
    for review, number, actions in found.values_list("review_id", "shard", F("helpful") + F("unhelpful")):
        shards.setdefault(review, [0] * SHARDS)[number] = actions
    return [
        {"heat": heat, "review": reviews[heat.pk], "spread": spread(shards.get(heat.pk, []))}
        for heat in heats
        if heat.pk in reviews
    ]


def _reviews(ids: Any) -> dict[UUID, Review]:
    return Review.objects.select_related("product").in_bulk(list(ids))


register_links(
    MODERATION, Link("Viral reviews", "reviews_review_viral", "local_fire_department", permission=VIEW, order=30)
)
