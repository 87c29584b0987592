"""What orders look like to their customers and to the vendors who fulfil them."""

from typing import Any

from rest_framework import serializers

from orders import examples as shown
from orders.models import Order, OrderItem
from trustengine.api.schema import example


@example(shown.ORDER_ITEM)
class OrderItemOutput(serializers.ModelSerializer[OrderItem]):
    product_title = serializers.CharField(source="product.title")

    class Meta:
        model = OrderItem
        fields = [
            "id",
            "product",
            "product_title",
            "quantity",
            "unit_price_cents",
            "fulfilment_status",
            "tracking_number",
            "shipped_at",
            "delivered_at",
            "returned_at",
            "cancelled_at",
            "refunded_at",
            "refunded_cents",
        ]


@example(shown.ORDER_OUTPUT)
class OrderOutput(serializers.ModelSerializer[Order]):
    items = OrderItemOutput(many=True)
    total_cents = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = ["id", "status", "currency", "total_cents", "placed_at", "delivered_at", "items"]

    def get_total_cents(self, order: Order) -> int:
        """What was ordered, at the prices of that moment."""
        return sum(item.quantity * item.unit_price_cents for item in order.items.all())


@example(shown.VENDOR_ORDER_ITEM)
class VendorOrderItemOutput(OrderItemOutput):
    """An item as its vendor sees it: with the order's id and day, without the customer."""

    currency = serializers.CharField(source="order.currency")
    placed_at = serializers.DateTimeField(source="order.placed_at")

    class Meta(OrderItemOutput.Meta):
        fields = [*OrderItemOutput.Meta.fields, "order", "currency", "placed_at"]


@example(shown.TRANSITION)
class TransitionInput(serializers.Serializer[Any]):
    to = serializers.ChoiceField(OrderItem.Fulfilment.choices)
    tracking_number = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


@example(shown.TRANSITION_OUTPUT)
class TransitionOutput(serializers.Serializer[Any]):
    changed = serializers.BooleanField()
    item = VendorOrderItemOutput()
    order_status = serializers.CharField(source="item.order.status")
