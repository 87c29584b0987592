"""Products as buyers see them: with their ratings and reviews."""

from typing import Any
from uuid import UUID

from django.db.models import FloatField, Max, QuerySet, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from orders.errors import ContentRemoved
from orders.models import Product
from orders.services.showing import find_shown
from reviews.api.reviews import folding
from reviews.explaining import explanation
from reviews.filters import ProductFilter, ReviewFilter
from reviews.models import ProductRating, Review
from reviews.report_counts import moderator_of
from reviews.serializers import ProductOutput, RatingOutput, ReviewOutput, full_rating
from reviews.trends import NO_TREND
from trustengine.accounts.callers import viewer
from trustengine.api.caching import PublicRead
from trustengine.api.ordering import NamedOrdering
from trustengine.api.schema import raises
from trustengine.api.stale import StaleIfDatabaseAway, forget

# What the sort score is without any review: the prior alone, 3 − 1.96·√(2/6).
UNRATED_SORT_SCORE = 3 - 1.96 * (2 / 6) ** 0.5


class Products(generics.GenericAPIView[Product]):
    """What is public of products; for moderators also how often they were reported."""

    permission_classes = [AllowAny]
    serializer_class = ProductOutput

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "moderator": moderator_of(self.request)}


class ProductList(PublicRead, StaleIfDatabaseAway, Products, generics.ListAPIView[Product]):
    """Products on offer."""

    filter_backends = [DjangoFilterBackend, NamedOrdering]
    filterset_class = ProductFilter
    orderings = {
        "-created_at": ("-created_at", "-pk"),
        "score": ("-sort_score", "-pk"),
        "trending": ("-trend_score", "-pk"),
        "price": ("price_cents", "pk"),
    }
    stale_queries = ("", *(f"ordering={name}" for name in orderings))  # the first page of each

    def get_queryset(self) -> QuerySet[Product]:
        score = Coalesce("rating__sort_score", Value(UNRATED_SORT_SCORE), output_field=FloatField())
        trend = Coalesce("trend__score", Value(NO_TREND), output_field=FloatField())
        products = Product.objects.active().select_related("vendor", "rating")
        return products.annotate(sort_score=score, trend_score=trend)


@raises(ContentRemoved)
class ProductDetail(PublicRead, StaleIfDatabaseAway, Products, generics.RetrieveAPIView[Product]):
    """One product, on offer or not: its buyers still find it."""

    queryset = Product.objects.select_related("vendor", "rating")

    def get_object(self) -> Product:
        return find_shown(self.kwargs["pk"], self.get_queryset())


@raises(ContentRemoved)
class ProductReviews(PublicRead, StaleIfDatabaseAway, generics.ListAPIView[Review]):
    """The public reviews of a product."""

    permission_classes = [AllowAny]
    serializer_class = ReviewOutput
    filter_backends = [DjangoFilterBackend, NamedOrdering]
    filterset_class = ReviewFilter
    orderings = {
        "helpful": ("-helpfulness", "-created_at", "-pk"),
        "newest": ("-created_at", "-pk"),
        "highest": ("-rating", "-created_at", "-pk"),
        "lowest": ("rating", "-created_at", "-pk"),
    }
    stale_queries = ("", *(f"ordering={name}" for name in orderings))  # the first page of each

    def get_queryset(self) -> QuerySet[Review]:
        if getattr(self, "swagger_fake_view", False):
            return Review.objects.none()
        product = find_shown(self.kwargs["pk"])
        return Review.objects.public().filter(product=product).with_shown()

    def paginate_queryset(self, queryset: Any) -> Any:
        self.page = super().paginate_queryset(queryset)
        return self.page

    def get_serializer_context(self) -> dict[str, Any]:
        context = {**super().get_serializer_context(), "moderator": moderator_of(self.request)}
        return {**context, "folding": folding(getattr(self, "page", None) or [])}


@raises(ContentRemoved)
class ProductRatingView(PublicRead, StaleIfDatabaseAway):
    """The rating of a product."""

    permission_classes = [AllowAny]

    class Query(serializers.Serializer[Any]):
        explain = serializers.BooleanField(
            default=False, help_text="Whether to say what is counted, what is not, and how the numbers follow."
        )

    @extend_schema(parameters=[Query], responses=RatingOutput)
    def get(self, request: Request, pk: UUID) -> Response:
        given = self.Query(data=request.query_params)
        given.is_valid(raise_exception=True)
        find_shown(pk)
        rating = ProductRating.objects.filter(product=pk).first()
        counted = Review.objects.counted().filter(product=pk)
        last_review_at = counted.aggregate(last=Max("created_at"))["last"]
        unrated = ProductRating(product_id=pk)
        unrated.count, unrated.average, unrated.stddev, unrated.sort_score = 0, None, None, UNRATED_SORT_SCORE
        answer = full_rating(rating or unrated, last_review_at)
        if given.validated_data["explain"]:
            answer["explanation"] = explanation(pk, rating or unrated, viewer=viewer(request))
        return Response(RatingOutput(answer).data)


def forget_stale_answers(product_id: UUID) -> None:
    """Take back what is kept of a product's pages for when the database is away. Raises RedisError."""
    reviews, page, listed = (
        reverse("product-reviews", args=[product_id]),
        reverse("product-page", args=[product_id]),
        reverse("products"),
    )
    forget(
        [
            reverse("product", args=[product_id]),
            reverse("product-rating", args=[product_id]),
            *(f"{address}?{query}" for address in (reviews, page) for query in ProductReviews.stale_queries),
            *(f"{listed}?{query}" for query in ProductList.stale_queries),
        ]
    )
