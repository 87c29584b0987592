"""Orders and products as evidence: what was bought, what became of it, and what the log says."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from orders.models import Order, OrderItem, Product
from trustengine.accounts.models import Profile
from trustengine.admin import Area, Chart, EvidenceAdmin, Link, Series, register_links, register_panel
from trustengine.admin.days import filled, labels, last_days
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.identities import SEE_IDENTITIES
from trustengine.admin.presentation import age, link_to, money, pill
from trustengine.admin.sidebar import MARKETPLACE
from trustengine.audit import reading


def profile_link(profile: Profile, viewer: Any) -> SafeString | str:
    """A profile as this viewer may know it: a customer's name is theirs, a vendor's is public."""
    may_know = profile.kind == Profile.Kind.VENDOR or viewer.has_perm(SEE_IDENTITIES)
    may_know = may_know or viewer.has_perm("accounts.view_profile")
    return link_to(profile, viewer, str(profile) if may_know else f"{profile.kind} {str(profile.pk)[-8:]}")


@admin.register(Order)
class OrderAdmin(EvidenceAdmin):
    """Orders, their items, and the trail that led to their status."""

    list_filter = [("status", ChoicesDropdownFilter), ("placed_at", DayRangeFilter)]
    list_select_related = ["customer"]
    search_fields = ["id__endswith"]
    search_ids = ["id", "customer_id", "items__id"]
    search_help_text = "The id of an order, an item or a customer, or an order's last letters"
    ordering = ["-placed_at", "-id"]
    sortable_by = ()
    change_form_template = "console/orders/order.html"
    fields = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        orders: QuerySet[Order] = super().get_queryset(request)
        return orders.prefetch_related("items")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Customer")
        def customer(order: Order) -> SafeString | str:
            return profile_link(order.customer, request.user)

        return ["__str__", "shown_status", customer, "pieces", "total", "placed", "delivered"]

    @admin.display(description="Status")
    def shown_status(self, order: Order) -> SafeString:
        return pill(order.status)

    @admin.display(description="Pieces")
    def pieces(self, order: Order) -> int:
        return sum(item.quantity for item in order.items.all())

    @admin.display(description="Total")
    def total(self, order: Order) -> str:
        return money(total_cents(order.items.all()), order.currency)

    @admin.display(description="Placed")
    def placed(self, order: Order) -> SafeString | str:
        return age(order.placed_at)

    @admin.display(description="Delivered")
    def delivered(self, order: Order) -> SafeString | str:
        return age(order.delivered_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        order = self.get_object(request, object_id)
        context = order_context(order, request.user) if isinstance(order, Order) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})
        return page


def total_cents(items: Iterable[OrderItem]) -> int:
    return sum(item.quantity * item.unit_price_cents for item in items)


def order_context(order: Order, viewer: Any) -> dict[str, Any]:
    """An order's items, and what the audit log says about it and them."""
    items = list(order.items.select_related("product", "vendor").order_by("pk"))
    rows = [
        {"item": item, "total_cents": total_cents([item]), "vendor": profile_link(item.vendor, viewer)}
        for item in items
    ]
    return {
        "order": order,
        "rows": rows,
        "total_cents": total_cents(items),
        "customer": profile_link(order.customer, viewer),
        "trail": reading.trail([order, *items], viewer),
    }


@admin.register(Product)
class ProductAdmin(EvidenceAdmin):
    """What vendors sell."""

    list_filter = [("is_active", BooleanRadioFilter), ("created_at", DayRangeFilter)]
    list_select_related = ["vendor"]
    search_fields = ["title", "vendor__display_name"]
    search_ids = ["id", "vendor_id"]
    search_help_text = "A title, a vendor, or an id"
    ordering = ["-created_at", "-id"]
    sortable_by = ()
    change_form_template = "console/orders/product.html"
    fields = ()

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        @admin.display(description="Vendor")
        def vendor(product: Product) -> SafeString | str:
            return profile_link(product.vendor, request.user)

        return ["title", vendor, "price", "stock_left", "offered", "added"]

    @admin.display(description="Price")
    def price(self, product: Product) -> str:
        return money(product.price_cents, product.currency)

    @admin.display(description="Stock")
    def stock_left(self, product: Product) -> str:
        return "not tracked" if product.stock is None else str(product.stock)

    @admin.display(description="Offered")
    def offered(self, product: Product) -> SafeString:
        return pill("active", "success") if product.is_active else pill("inactive", "")

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
        return {
            "product": product,
            "vendor": profile_link(product.vendor, viewer),
            "order_count": sold["orders"],
            "trail": reading.trail([product], viewer),
        }


@register_panel(Area.CHARTS, permission="orders.view_order", order=20)
def orders_per_day(request: HttpRequest) -> Chart:
    days = last_days()
    rows = Order.objects.filter(day__gte=days[0]).order_by().values_list("day").annotate(Count("pk"))
    values = filled(days, dict(rows))
    summary = f"{sum(values):,} in {len(days)} days, {values[-1]:,} today" if any(values) else "No order in 14 days."
    return Chart("Orders per day", summary, labels(days), [Series("Orders", values)], kind="line")


register_links(
    MARKETPLACE,
    Link("Orders", "orders_order_changelist", "receipt_long", permission="orders.view_order", order=10),
    Link("Products", "orders_product_changelist", "inventory_2", permission="orders.view_product", order=20),
)
