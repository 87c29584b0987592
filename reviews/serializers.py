"""What reviews, ratings and products look like to clients, and what clients may send."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.models import Product
from reviews import examples as shown
from reviews.errors import InvalidRating, InvalidVoteType
from reviews.models import ProductRating, Review, ReviewRevision
from reviews.ratings import STARS, display_score
from reviews.report_counts import WithReportCount
from reviews.shown_beside import (
    OwnPhotoOutput,
    PhotoOutput,
    PublicReply,
    RestrictionOutput,
    own_photos,
    public_photos,
    public_reply,
    told_restriction,
)
from trustengine.api.fields import NormalisedText
from trustengine.api.schema import example, examples


class StarsField(serializers.IntegerField):
    """1 to 5; anything else is INVALID_RATING."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=5, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is serializers.empty:
            return super().run_validation(data)
        if isinstance(data, bool | float) and data not in range(1, 6):
            raise InvalidRating
        try:
            return super().run_validation(None if isinstance(data, bool) else data)
        except serializers.ValidationError as error:
            raise InvalidRating from error


class LongText(NormalisedText):
    """Optional text; null clears it like the empty text. NUL is refused."""

    def __init__(self, max_length: int) -> None:
        super().__init__(max_length=max_length, required=False, allow_blank=True, allow_null=True, trim_whitespace=True)


@example(shown.REVIEW_INPUT)
class ReviewInput(serializers.Serializer[Any]):
    """A review as its author writes it."""

    product = serializers.UUIDField()
    order = serializers.UUIDField()
    rating = StarsField()
    title = LongText(200)
    comment = LongText(10_000)


@example(shown.REVIEW_EDIT)
class ReviewEdit(serializers.Serializer[Any]):
    """An edit: an absent field keeps its value, null or "" clears title or comment."""

    rating = StarsField(required=False)
    title = LongText(200)
    comment = LongText(10_000)


@examples(shown.SUBMISSIONS)
class SubmissionOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(Review.Status.choices)
    is_update = serializers.BooleanField()


@example(shown.VOTE_INPUT)
class VoteInput(serializers.Serializer[Any]):
    vote_type = serializers.ChoiceField(["helpful", "unhelpful"])

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, dict) and "vote_type" in data and data["vote_type"] not in ("helpful", "unhelpful"):
            raise InvalidVoteType
        return super().run_validation(data)


@example(shown.VOTE_OUTPUT)
class VoteOutput(serializers.Serializer[Any]):
    vote_type = serializers.CharField(allow_null=True)
    changed = serializers.BooleanField()
    previous_vote = serializers.CharField(allow_null=True)
    helpful_votes = serializers.IntegerField()
    unhelpful_votes = serializers.IntegerField()


@example(shown.REVISION)
class RevisionOutput(serializers.ModelSerializer[ReviewRevision]):
    class Meta:
        model = ReviewRevision
        fields = ["number", "rating", "title", "comment", "state", "created_at", "decided_at"]


@example(shown.HISTORY)
class HistoryOutput(RevisionOutput):
    """A text that a review has had, and who decided on it.

    ``moderator`` is told to moderators only. Moderators also find here what the author
    wrote of this product before and withdrew: ``review`` says which review a text is of.
    """

    decided_by = serializers.SerializerMethodField()
    moderator = serializers.SerializerMethodField()

    class Meta(RevisionOutput.Meta):
        fields = ["review", *RevisionOutput.Meta.fields, "decided_by", "moderator"]

    @extend_schema_field(serializers.ChoiceField(["author", "moderator", "rule"], allow_null=True))
    def get_decided_by(self, revision: ReviewRevision) -> str | None:
        if revision.state == ReviewRevision.State.PENDING:
            return None
        if revision.state == ReviewRevision.State.SUPERSEDED:
            return "author"
        return "moderator" if revision.decided_by_id else "rule"

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_moderator(self, revision: ReviewRevision) -> UUID | None:
        return revision.decided_by_id if self.context.get("for_moderator") else None


@example(shown.REVIEW_OUTPUT)
class ReviewOutput(WithReportCount, serializers.ModelSerializer[Review]):
    """A review as anyone may read it. ``context["folding"]`` holds the ids whose votes are still being folded."""

    author_name = serializers.SerializerMethodField()
    helpful_votes_approximate = serializers.SerializerMethodField()
    purchase_refunded = serializers.SerializerMethodField()
    reply = serializers.SerializerMethodField()
    photos = serializers.SerializerMethodField()

    class Meta:
        model = Review
        fields = [
            "id",
            "product",
            "author_name",
            "rating",
            "title",
            "comment",
            "status",
            "verification",
            "is_hidden",
            "purchase_refunded",
            "is_edited",
            "edit_count",
            "edited_at",
            "helpful_votes",
            "unhelpful_votes",
            "helpful_votes_approximate",
            "report_count",
            "reply",
            "photos",
            "created_at",
            "updated_at",
        ]

    def get_author_name(self, review: Review) -> str:
        profile = getattr(review.author, "customer_profile", None)
        return (profile and profile.display_name) or "A customer"

    def get_purchase_refunded(self, review: Review) -> bool:
        """Whether most of the price has been refunded since: then the review is readable and not counted."""
        return review.purchase_refunded_at is not None

    @extend_schema_field(PublicReply(allow_null=True))
    def get_reply(self, review: Review) -> dict[str, Any] | None:
        """The vendor's reply; null unless there is a public one."""
        return public_reply(review, moderator=self.context.get("moderator"))

    @extend_schema_field(PhotoOutput(many=True))
    def get_photos(self, review: Review) -> list[dict[str, Any]]:
        return public_photos(review)

    def get_helpful_votes_approximate(self, review: Review) -> bool:
        return review.pk in self.context.get("folding", ())


@example(shown.OWN_REVIEW)
class OwnReviewOutput(ReviewOutput):
    """A review as its author and moderators see it."""

    pending_revision = serializers.SerializerMethodField()
    order = serializers.UUIDField(source="order_item.order_id")
    restriction = serializers.SerializerMethodField()

    class Meta(ReviewOutput.Meta):
        fields = [
            *ReviewOutput.Meta.fields,
            "order",
            "pending_revision",
            "restriction",
        ]

    @extend_schema_field(OwnPhotoOutput(many=True))
    def get_photos(self, review: Review) -> list[dict[str, Any]]:
        return own_photos(review)

    @extend_schema_field(RestrictionOutput(allow_null=True))
    def get_restriction(self, review: Review) -> dict[str, Any] | None:
        """Why nobody else sees it; null where nothing keeps it back, or the law excepts the notice."""
        return told_restriction(review)

    @extend_schema_field(RevisionOutput(allow_null=True))
    def get_pending_revision(self, review: Review) -> dict[str, Any] | None:
        """The edit of an approved review that waits; null otherwise."""
        if review.status != Review.Status.APPROVED:
            return None
        waiting = [each for each in review.revisions.all() if each.state == ReviewRevision.State.PENDING]
        return RevisionOutput(waiting[0]).data if waiting else None


@example(shown.ELIGIBILITY)
class EligibilityOutput(serializers.Serializer[Any]):
    """Whether the caller may write a review: with the order to name, or the code that a submission would get."""

    eligible = serializers.BooleanField()
    code = serializers.CharField(allow_null=True)
    order = serializers.UUIDField(allow_null=True)
    existing_review = serializers.UUIDField(allow_null=True)


class NotCounted(serializers.Serializer[Any]):
    """Why reviews do not count; how many they are is null for those who may not know."""

    reason = serializers.CharField()
    reviews = serializers.IntegerField(allow_null=True)
    meaning = serializers.CharField()


class RatingFormula(serializers.Serializer[Any]):
    name = serializers.CharField()
    formula = serializers.CharField()
    value = serializers.FloatField(allow_null=True)


class RatingExplanation(serializers.Serializer[Any]):
    """Each review once: counted, or not and why. ``formulas`` can be computed again from ``values``."""

    counted = serializers.IntegerField()
    not_counted = NotCounted(many=True)
    values = serializers.DictField(child=serializers.FloatField())  # type: ignore[assignment]
    formulas = RatingFormula(many=True)


@example(shown.RATING)
class RatingOutput(serializers.Serializer[Any]):
    """A product's rating: plain average, the score to display, the score to sort by, and the histogram."""

    average = serializers.FloatField(allow_null=True)
    display_score = serializers.FloatField()
    sort_score = serializers.FloatField()
    count = serializers.IntegerField()
    stddev = serializers.FloatField(allow_null=True)
    distribution = serializers.DictField(child=serializers.IntegerField())
    last_review_at = serializers.DateTimeField(allow_null=True)
    explanation = RatingExplanation(required=False)


@example(shown.RATING_SUMMARY)
class RatingSummary(serializers.Serializer[Any]):
    average = serializers.FloatField(allow_null=True)
    display_score = serializers.FloatField()
    count = serializers.IntegerField()


@example(shown.PRODUCT_OUTPUT)
class ProductOutput(WithReportCount, serializers.ModelSerializer[Product]):
    vendor_name = serializers.CharField(source="vendor.display_name")
    in_stock = serializers.SerializerMethodField()
    rating = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = [
            "id",
            "vendor",
            "vendor_name",
            "title",
            "description",
            "price_cents",
            "currency",
            "in_stock",
            "is_active",
            "rating",
            "report_count",
            "created_at",
        ]

    def get_in_stock(self, product: Product) -> bool:
        return product.available is None or product.available > 0

    @extend_schema_field(RatingSummary)
    def get_rating(self, product: Product) -> dict[str, Any]:
        return summary(getattr(product, "rating", None))


def summary(rating: ProductRating | None) -> dict[str, Any]:
    """Average to two decimals, display score and count."""
    average = rating.average if rating else None
    return {
        "average": None if average is None else round(average, 2),
        "display_score": display_score(rating),
        "count": rating.count if rating else 0,
    }


def full_rating(rating: ProductRating, last_review_at: Any) -> dict[str, Any]:
    """All that ``GET products/{id}/rating/`` tells."""
    return {
        **summary(rating),
        "sort_score": rating.sort_score,
        "stddev": rating.stddev,
        "distribution": {str(star): getattr(rating, f"stars_{star}") for star in STARS},
        "last_review_at": last_review_at,
    }
