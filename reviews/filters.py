import django_filters
from django.db.models import Exists, OuterRef, QuerySet

from orders.models import Product
from reviews.models import Review, VendorReply
from trustengine.api.filters import TrueOrFalseFilter, WholeNumberFilter, by_time
from trustengine.api.searching import SearchFilter


class ReviewFilter(django_filters.FilterSet):
    """Reviews of a product by stars, by proof of delivery, and by words."""

    rating = WholeNumberFilter(min_value=1, max_value=5)
    has_reply = TrueOrFalseFilter(method="by_reply", label="Answered in public by the vendor, or not")
    verified = TrueOrFalseFilter(method="by_verification", label="Delivered to the author, or not")
    search = SearchFilter("title", "comment")

    class Meta:
        model = Review
        fields: list[str] = []

    def by_verification(self, reviews: QuerySet[Review], name: str, value: bool) -> QuerySet[Review]:
        wanted = Review.Verification.DELIVERED if value else Review.Verification.ORDERED
        return reviews.filter(verification=wanted)

    def by_reply(self, reviews: QuerySet[Review], name: str, value: bool) -> QuerySet[Review]:
        answered = Exists(VendorReply.objects.public().filter(review=OuterRef("pk")))
        return reviews.filter(answered if value else ~answered)


class OwnReviewFilter(by_time("created_at", of="Written")):  # type: ignore[misc]
    """One's own reviews by state, stars, product and time."""

    status = django_filters.ChoiceFilter(choices=Review.Status.choices)
    state = django_filters.ChoiceFilter(field_name="status", choices=Review.Status.choices, label="As `status`.")
    rating = WholeNumberFilter(min_value=1, max_value=5)
    product = django_filters.UUIDFilter(field_name="product_id")
    verified = TrueOrFalseFilter(method="by_verification", label="Delivered to the author, or not")

    class Meta:
        model = Review
        fields: list[str] = []

    by_verification = ReviewFilter.by_verification


class ProductFilter(django_filters.FilterSet):
    """Products by words, vendor and average stars."""

    search = SearchFilter("title", "description")
    vendor = django_filters.UUIDFilter(field_name="vendor_id")
    min_rating = django_filters.NumberFilter(field_name="rating__average", lookup_expr="gte", min_value=0, max_value=5)

    class Meta:
        model = Product
        fields: list[str] = []
