from typing import Any

import django_filters
from django.db.models import F, Q, QuerySet

from orders.models import Order, OrderItem, Product
from trustengine.api.filters import TrueOrFalseFilter, by_time
from trustengine.api.searching import SearchFilter


class OrderFilter(by_time("placed_at", of="Placed")):  # type: ignore[misc]
    """One's own orders by status and time."""

    status = django_filters.ChoiceFilter(choices=Order.Status.choices)

    class Meta:
        model = Order
        fields: list[str] = []


class OrderItemFilter(by_time("order__placed_at", of="Ordered")):  # type: ignore[misc]
    fulfilment_status = django_filters.ChoiceFilter(choices=OrderItem.Fulfilment.choices)
    order = django_filters.UUIDFilter(field_name="order_id", label="Only items of this order.")
    profile = django_filters.UUIDFilter(field_name="vendor_id", label="Only items of this one of the caller's vendors.")

    class Meta:
        model = OrderItem
        fields = ["fulfilment_status"]


class VendorProductFilter(django_filters.FilterSet):
    """A vendor's products by words, by vendor, on offer or not, and by whether any can be sold."""

    search = SearchFilter("title", "description")
    vendor = django_filters.UUIDFilter(field_name="vendor_id")
    is_active = TrueOrFalseFilter()
    in_stock = TrueOrFalseFilter(method="by_stock", label="Whether pieces are left, or stock is not tracked")

    class Meta:
        model = Product
        fields: list[str] = []

    def by_stock(self, products: QuerySet[Product], name: str, value: Any) -> QuerySet[Product]:
        left = Q(stock=None) | Q(stock__gt=F("reserved"))
        return products.filter(left if value else ~left)
