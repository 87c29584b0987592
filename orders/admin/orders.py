"""Orders as evidence: what was bought, what became of it, and what the log says."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from orders.admin.payments import events_of
from orders.admin.profiles import profile_link
from orders.admin.stuck import SavedFilters, StuckFilter
from orders.admin.timeline import timeline
from orders.models import Checkout, Order, OrderItem
from trustengine.admin import Area, Chart, EvidenceAdmin, Link, Series, register_links, register_panel
from trustengine.admin.days import filled, labels, last_days
from trustengine.admin.filters import DayRangeFilter
from trustengine.admin.presentation import age, money, pill
from trustengine.admin.sidebar import MARKETPLACE


@admin.register(Order)
class OrderAdmin(SavedFilters, EvidenceAdmin):
    """Orders, their items, and the trail that led to their status."""

    list_filter = [("status", ChoicesDropdownFilter), StuckFilter, ("placed_at", DayRangeFilter)]
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

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**self.saved_filters(request), **(extra_context or {})})

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
        "steps": timeline(order, items, viewer),
        "checkout": Checkout.objects.filter(order=order).first(),
        "events": events_of(order.payment_events.all()) if viewer.has_perm("orders.view_paymentevent") else [],
        "is_stuck": Order.objects.stuck().filter(pk=order.pk).exists(),
    }


@register_panel(Area.CHARTS, permission="orders.view_order", order=20)
def orders_per_day(request: HttpRequest) -> Chart:
    days = last_days()
    rows = Order.objects.filter(day__gte=days[0]).order_by().values_list("day").annotate(Count("pk"))
    values = filled(days, dict(rows))
    summary = f"{sum(values):,} in {len(days)} days, {values[-1]:,} today" if any(values) else "No order in 14 days."
    return Chart("Orders per day", summary, labels(days), [Series("Orders", values)], kind="line")


@register_panel(Area.CHARTS, permission="orders.view_order", order=21)
def orders_by_status(request: HttpRequest) -> Chart:
    rows = Order.objects.filter(day__gte=last_days()[0]).order_by().values_list("status").annotate(Count("pk"))
    counts = dict(rows)
    values = [counts.get(status, 0) for status in Order.Status.values]
    told = [f"{number:,} {status}" for status, number in zip(Order.Status.values, values, strict=True) if number]
    summary = f"Of the last 14 days: {', '.join(told)}" if told else "No order in 14 days."
    return Chart(
        "Orders by status", summary, [label.capitalize() for label in Order.Status.labels], [Series("Orders", values)]
    )


register_links(
    MARKETPLACE,
    Link("Orders", "orders_order_changelist", "receipt_long", permission="orders.view_order", order=10),
    Link("Products", "orders_product_changelist", "inventory_2", permission="orders.view_product", order=20),
)
