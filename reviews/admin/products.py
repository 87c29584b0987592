"""The products' admin with what this app knows about them: their ratings."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from orders.admin.products import ProductAdmin
from orders.models import Product
from reviews.admin.decision_page import histogram
from reviews.models import ProductRating, Review
from trustengine.admin.presentation import stars

LATEST = 8

admin.site.unregister(Product)


@admin.register(Product)
class RatedProductAdmin(ProductAdmin):
    """Products with their ratings and latest reviews."""

    list_select_related = ["vendor", "rating"]
    change_form_template = "console/reviews/product.html"

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        title, *others = super().get_list_display(request)
        return [title, "rated", *others]

    @admin.display(description="Rating")
    def rated(self, product: Product) -> SafeString | str:
        rating: ProductRating | None = getattr(product, "rating", None)
        if rating is None or not rating.count or rating.average is None:
            return "–"
        return format_html("{} {} ({})", stars(round(rating.average)), f"{rating.average:.2f}", rating.count)

    def product_context(self, product: Product, viewer: Any) -> dict[str, Any]:
        rating = ProductRating.objects.filter(product=product).first()
        reviews: list[Review] = []
        if viewer.has_perm("reviews.view_review"):
            reviews = list(Review.objects.live().filter(product=product).order_by("-created_at")[:LATEST])
        return super().product_context(product, viewer) | {"histogram": histogram(rating), "reviews": reviews}
