"""Products as evidence."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import EmptyFieldListFilter
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import BooleanRadioFilter

from orders.admin.profiles import profile_link
from orders.models import Checkout, CheckoutLine, OrderItem, Product
from trustengine.admin import EvidenceAdmin
from trustengine.admin.filters import DayRangeFilter, ReportsFilter
from trustengine.admin.presentation import age, money, pill
from trustengine.audit import reading

CHECKOUTS_SHOWN = 10


@admin.register(Product)
class ProductAdmin(EvidenceAdmin):
    """What vendors sell."""

    list_filter = [
        ("is_active", BooleanRadioFilter),
        ("is_hidden", BooleanRadioFilter),
        ("removed_at", EmptyFieldListFilter),
        ReportsFilter,
        ("created_at", DayRangeFilter),
    ]
    list_select_related = ["vendor"]
    search_fields = ["title", "vendor__display_name"]
    search_ids = ["id", "vendor_id"]
    search_help_text = "A title, a vendor, or an id"
    ordering = ["-created_at", "-id"]
    sortable_by = ("reports",)
    change_form_template = "console/orders/product.html"
    fields = ()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Vendor")
        def vendor(product: Product) -> SafeString | str:
            return profile_link(product.vendor, request.user)

        return ["title", vendor, "price", "stock_left", "offered", "reports", "added"]

    @admin.display(description="Price")
    def price(self, product: Product) -> str:
        return money(product.price_cents, product.currency)

    @admin.display(description="Stock")
    def stock_left(self, product: Product) -> str:
        if product.stock is None:
            return "not tracked"
        return f"{product.stock} ({product.reserved} reserved)" if product.reserved else str(product.stock)

    @admin.display(description="Offered")
    def offered(self, product: Product) -> SafeString:
        if product.is_moderated:
            return pill("removed" if product.removed_at else "hidden", "danger")
        return pill("active", "success") if product.is_active else pill("inactive", "")

    @admin.display(description="Reports", ordering="report_count")
    def reports(self, product: Product) -> int:
        return product.report_count

    @admin.display(description="Added")
    def added(self, product: Product) -> SafeString | str:
        return age(product.created_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        product = self.get_object(request, object_id)
        context = self.product_context(product, request.user) if isinstance(product, Product) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page

    def product_context(self, product: Product, viewer: Any) -> dict[str, Any]:
        """What the product's page shows."""
        sold = OrderItem.objects.filter(product=product).aggregate(orders=Count("order", distinct=True))
        open_lines = CheckoutLine.objects.filter(product=product, checkout__state=Checkout.State.OPEN)
        soonest = open_lines.select_related("checkout").order_by("checkout__expires_at", "pk")
        return {
            "product": product,
            "open_checkouts": soonest[:CHECKOUTS_SHOWN],
            "open_checkout_count": open_lines.count(),
            "vendor": profile_link(product.vendor, viewer),
            "order_count": sold["orders"],
            "trail": reading.trail([product], viewer),
        }
