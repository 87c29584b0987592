"""Writing, reading, editing and withdrawing reviews."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import CharField, Exists, OuterRef, QuerySet
from django.db.models.functions import Cast
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.errors import ContentRemoved, ProductInactive
from reviews import errors
from reviews.filters import OwnReviewFilter
from reviews.models import Review, ReviewHeat
from reviews.serializers import (
    EligibilityOutput,
    HistoryOutput,
    OwnReviewOutput,
    ReviewEdit,
    ReviewInput,
    ReviewOutput,
    SubmissionOutput,
)
from reviews.services import edit_review, submit_review, withdraw_review
from reviews.services.finding import find_review, history_of
from reviews.services.purchase import eligibility
from trustengine.accounts.callers import caller, viewer
from trustengine.accounts.models import User
from trustengine.api.caching import PublicRead
from trustengine.api.limits import DAY, Limit, WithoutRedis
from trustengine.api.schema import raises
from trustengine.api.throttles import WritesPerUser
from trustengine.errors import AccountSuspended, AgeRestricted, PermissionDenied
from trustengine.jobs.models import Job
from trustengine.origins import origin_of


class ReviewWrites(WritesPerUser):
    """Each one costs a screening and perhaps a moderator's time, so the limit holds without Redis too."""

    limit = Limit("review-writes", "REVIEW_WRITES_PER_MINUTE", WithoutRedis.DATABASE)


class ReviewWritesPerDay(WritesPerUser):
    """What an author costs moderators, and the vendor whose plan the moderation model is counted for."""

    limit = Limit("review-writes-day", "REVIEW_WRITES_PER_DAY", WithoutRedis.DATABASE, DAY)


class ReviewCollection(APIView):
    """Where reviews are submitted."""

    throttle_classes = [ReviewWrites, ReviewWritesPerDay]

    @raises(
        errors.InvalidRating,
        errors.PurchaseNotVerified,
        errors.OrderNotDelivered,
        errors.PurchaseRefunded,
        errors.ReviewPeriodExpired,
        errors.ConflictOfInterest,
        ProductInactive,
        AccountSuspended,
        AgeRestricted,
    )
    @extend_schema(
        request=ReviewInput,
        responses={201: SubmissionOutput, 200: OpenApiResponse(SubmissionOutput, "The review there was is updated")},
    )
    def post(self, request: Request) -> Response:
        """Submit a review of a delivered purchase, or update the one there is."""
        given = ReviewInput(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        submission = submit_review(
            author=caller(request),
            product_id=data["product"],
            order_id=data["order"],
            rating=data["rating"],
            origin=origin_of(request),
            **{name: data[name] for name in ("title", "comment") if name in data},
        )
        review = submission.review
        answer = {"id": review.pk, "status": review.status, "is_update": submission.is_update}
        return Response(SubmissionOutput(answer).data, status=200 if submission.is_update else 201)


@raises(errors.ReviewNotFound, errors.ReviewDeleted, ContentRemoved)
class ReviewDetail(PublicRead):
    """One review. Its author and moderators see more of it."""

    throttle_classes = [ReviewWrites, ReviewWritesPerDay]

    def get_permissions(self) -> list[Any]:
        return [AllowAny() if self.request.method == "GET" else IsAuthenticated()]

    @extend_schema(responses=ReviewOutput)
    def get(self, request: Request, pk: UUID) -> Response:
        """Read a review."""
        return Response(_shown(find_review(pk, viewer=viewer(request)), viewer(request)))

    @raises(errors.InvalidRating, errors.ConflictOfInterest, PermissionDenied, AccountSuspended, AgeRestricted)
    @extend_schema(request=ReviewEdit, responses=OwnReviewOutput)
    def patch(self, request: Request, pk: UUID) -> Response:
        """Edit one's own review. An edit of an approved one waits for a decision."""
        given = ReviewEdit(data=request.data)
        given.is_valid(raise_exception=True)
        edit_review(pk, author=caller(request), changes=given.validated_data, origin=origin_of(request))
        return Response(_shown(find_review(pk, viewer=viewer(request)), viewer(request)))

    @raises(PermissionDenied)
    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Withdraw one's own review."""
        withdraw_review(pk, author=caller(request))
        return Response(status=204)


@raises(errors.ReviewNotFound, errors.ReviewDeleted)
class ReviewHistory(APIView):
    """Every text that a review has had, and who decided on it: for its author and moderators."""

    @extend_schema(responses=HistoryOutput(many=True))
    def get(self, request: Request, pk: UUID) -> Response:
        reader = caller(request)
        for_moderator = reader.has_perm("reviews.moderate_review")
        revisions = history_of(pk, reader=reader, for_moderator=for_moderator)
        return Response(HistoryOutput(revisions, many=True, context={"for_moderator": for_moderator}).data)


class MyReviews(generics.ListAPIView[Review]):
    """The caller's own reviews, in every state."""

    serializer_class = OwnReviewOutput
    filterset_class = OwnReviewFilter

    def get_queryset(self) -> QuerySet[Review]:
        if getattr(self, "swagger_fake_view", False):
            return Review.objects.none()
        own = Review.objects.live().filter(author=caller(self.request))
        related = own.with_shown().select_related("order_item").prefetch_related("revisions", "restrictions")
        return related.order_by("-created_at", "-pk")


class Eligibility(APIView):
    """Whether the caller may review a product, and with which order."""

    class Query(serializers.Serializer[Any]):
        product = serializers.UUIDField()

    @extend_schema(parameters=[Query], responses=EligibilityOutput)
    def get(self, request: Request) -> Response:
        given = self.Query(data=request.query_params)
        given.is_valid(raise_exception=True)
        return Response(EligibilityOutput(eligibility(caller(request), given.validated_data["product"])).data)


def folding(reviews: Iterable[Review]) -> set[UUID]:
    """Which of these reviews have votes that their totals may not show yet: one query for a page.

    A fold is to come, however many votes asked for it, or the review is viral and folded now and then only.
    """
    ids = [review.pk for review in reviews]
    if not ids:
        return set()
    awaited = Job.objects.open().filter(kind="reviews.fold_votes", key=Cast(OuterRef("pk"), CharField()))
    viral = ReviewHeat.objects.viral().filter(pk=OuterRef("pk"))
    return set(Review.objects.filter(Exists(awaited) | Exists(viral), pk__in=ids).values_list("pk", flat=True))


def _sees_all(review: Review, user: User | None) -> bool:
    if user is None:
        return False
    return review.author_id == user.pk or user.has_perm("reviews.moderate_review")


def _shown(review: Review, user: User | None) -> dict[str, Any]:
    serializer = OwnReviewOutput if _sees_all(review, user) else ReviewOutput
    moderator = user if user is not None and user.has_perm("reviews.moderate_review") else None
    return serializer(review, context={"folding": folding([review]), "moderator": moderator}).data
