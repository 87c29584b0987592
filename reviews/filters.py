from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, QuerySet

from orders.models import Product
from reviews.models import Review, VendorReply
from trustengine.api.searching import SearchFilter


class TrueOrFalse(forms.NullBooleanField):
    """true or false. Anything else is refused: left aside, it would show what was not asked for."""

    widget = forms.TextInput
    words: ClassVar[dict[str, bool]] = {"true": True, "1": True, "false": False, "0": False}

    def to_python(self, value: Any) -> bool | None:  # type: ignore[override]
        if value in (None, ""):
            return None
        if str(value).lower() not in self.words:
            raise forms.ValidationError("true or false.", code="invalid")
        return self.words[str(value).lower()]


class TrueOrFalseFilter(django_filters.BooleanFilter):
    field_class = TrueOrFalse


class ReviewFilter(django_filters.FilterSet):
    """Reviews of a product by stars, by proof of delivery, and by words."""

    rating = django_filters.NumberFilter(min_value=1, max_value=5)
    has_reply = TrueOrFalseFilter(
        method="by_reply", label="Answered in public by the vendor, or not", widget=forms.TextInput
    )
    verified = TrueOrFalseFilter(
        method="by_verification", label="Delivered to the author, or not", widget=forms.TextInput
    )
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


class ProductFilter(django_filters.FilterSet):
    """Products by words, vendor and average stars."""

    search = SearchFilter("title", "description")
    vendor = django_filters.UUIDFilter(field_name="vendor_id")
    min_rating = django_filters.NumberFilter(field_name="rating__average", lookup_expr="gte", min_value=0, max_value=5)

    class Meta:
        model = Product
        fields: list[str] = []
