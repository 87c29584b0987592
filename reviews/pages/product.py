"""A product's reviews as a page: rating, histogram, filters, reviews with their helpful buttons."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.http import conditional_page
from rest_framework.request import Request

from orders.errors import ContentRemoved
from orders.models import Product
from orders.services.showing import find_shown
from reviews.api.products import ProductReviews
from reviews.api.reviews import folding
from reviews.filters import ReviewFilter
from reviews.models import ProductRating, Review, ReviewVote
from reviews.ratings import STARS, display_score
from reviews.serializers import ReviewOutput
from trustengine.accounts.models import User
from trustengine.api.pages import LimitedPage
from trustengine.api.pagination import KeysetPagination
from trustengine.api.stale import StalePage
from trustengine.errors import InvalidInput, NotFound
from trustengine.forms import NormalisedCharField
from trustengine.search import first_words

ORDERINGS = {"helpful": "Most helpful", "newest": "Newest", "highest": "Highest rating", "lowest": "Lowest rating"}
PUBLIC_SECONDS = 30


class ReviewChoice(forms.Form):
    """Which reviews, in which order. What cannot be used is left out and told, not refused."""

    ordering = forms.ChoiceField(choices=list(ORDERINGS.items()), required=False, label="Sort by")
    rating = forms.TypedChoiceField(
        choices=[("", "All stars"), *((star, f"{star} star{'s' * (star > 1)}") for star in reversed(STARS))],
        required=False,
        label="Stars",
    )
    verified = forms.ChoiceField(
        choices=[("", "All reviews"), ("true", "Verified purchases")], required=False, label="Purchase"
    )
    has_reply = forms.ChoiceField(
        choices=[("", "With or without"), ("true", "With a reply")], required=False, label="Vendor's reply"
    )
    search = NormalisedCharField(max_length=200, required=False, label="Words")

    def clean_search(self) -> str:
        return first_words(self.cleaned_data["search"])

    def usable(self) -> dict[str, Any]:
        """The values that hold, without the empty ones."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}


class ProductPage(StalePage, LimitedPage, View):
    """``GET /products/{id}/``: anyone may read it, and a shared cache may keep what the public sees.

    Reads are counted together with those of the API.
    """

    stale_queries = ProductReviews.stale_queries

    @method_decorator(conditional_page)
    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        reader = request.user if isinstance(request.user, User) else None
        try:
            product = find_shown(pk, Product.objects.select_related("vendor", "rating"))
        except NotFound as error:
            raise Http404 from error
        except ContentRemoved as removed:
            return _gone(request, removed)
        choice = ReviewChoice(request.GET)
        chosen = choice.usable()
        reviews, pages = _page_of(request, product, chosen)
        context = {
            "product": product,
            "rating": _rating(getattr(product, "rating", None)),
            "form": ReviewChoice(initial=chosen),
            "chosen": chosen,
            "refused": sorted(choice.errors),
            "reviews": _shown(reviews, reader, product),
            "next": pages.next_url,
            "previous": pages.previous_url,
            "histogram": list(_histogram(getattr(product, "rating", None), chosen)),
            "all_stars": f"?{_query(chosen, rating=None)}",
            "reader": reader,
            "here": request.get_full_path(),
        }
        response = render(request, "reviews/product.html", context)
        patch_vary_headers(response, ["Cookie"])
        if reader is None:
            patch_cache_control(response, public=True, max_age=PUBLIC_SECONDS, stale_while_revalidate=300)
        else:
            patch_cache_control(response, private=True, no_cache=True)
        return response


def _gone(request: HttpRequest, removed: ContentRemoved) -> HttpResponse:
    """Say that a product was taken down and on which ground; nothing of what it said."""
    response = render(request, "410.html", {"ground": removed.extra["ground"]}, status=removed.status)
    patch_cache_control(response, no_store=True)
    return response


def _page_of(request: HttpRequest, product: Product, chosen: dict[str, Any]) -> tuple[list[Review], KeysetPagination]:
    """The reviews of one page, as the API would list them. A cursor of another list begins anew."""
    public = Review.objects.public().filter(product=product).with_shown()
    reviews: QuerySet[Review] = ReviewFilter(chosen, queryset=public).qs
    reviews = reviews.order_by(*ProductReviews.orderings[chosen.get("ordering", "helpful")])
    pages = KeysetPagination()
    pages.page_size = 10
    try:
        return pages.paginate_queryset(reviews, Request(request)), pages
    except InvalidInput:
        plain = Request(request)
        plain._request.GET = QueryDict(_query(chosen))
        return pages.paginate_queryset(reviews, plain), pages


def _shown(reviews: list[Review], reader: User | None, product: Product) -> list[dict[str, Any]]:
    """Each review as the API shows it, with the reader's own vote, and whether they may vote."""
    votes = {}
    if reader is not None:
        own = ReviewVote.objects.filter(user_id=reader.pk, review_id__in=[review.pk for review in reviews])
        votes = dict(own.values_list("review_id", "helpful"))
    output = ReviewOutput(reviews, many=True, context={"folding": folding(reviews)}).data
    return [
        {
            **shown,
            "own_vote": votes.get(review.pk),
            "is_own": reader is not None and review.author_id == reader.pk,
            "votable": product.is_active,
        }
        for review, shown in zip(reviews, output, strict=True)
    ]


def _rating(rating: ProductRating | None) -> dict[str, Any]:
    count = rating.count if rating else 0
    return {"count": count, "average": rating.average if rating and count else None, "score": display_score(rating)}


def _histogram(rating: ProductRating | None, chosen: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Five bars, best first, each a link to the reviews behind it."""
    total = rating.count if rating else 0
    for star in reversed(STARS):
        count = getattr(rating, f"stars_{star}") if rating else 0
        yield {
            "star": star,
            "count": count,
            "percent": round(100 * count / total) if total else 0,
            "link": f"?{_query(chosen, rating=star)}",
            "current": str(chosen.get("rating")) == str(star),
        }


def _query(chosen: dict[str, Any], **changed: Any) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in (chosen | changed).items() if value is not None})
    return query.urlencode()
