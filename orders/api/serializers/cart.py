"""The cart, and the checkout that is made of it."""

from collections import Counter
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders import examples as shown
from orders.models import MOST_PIECES, CartItem, CheckoutLine
from trustengine.api.schema import example


@example(shown.QUANTITY)
class QuantityInput(serializers.Serializer[Any]):
    quantity = serializers.IntegerField(min_value=1, max_value=MOST_PIECES)


@example(shown.CART_ITEM)
class CartItemOutput(serializers.ModelSerializer[CartItem]):
    """A product in the cart, at its price of now."""

    title = serializers.SerializerMethodField(help_text="Empty for what a moderator has taken out of view.")
    vendor = serializers.UUIDField(source="product.vendor_id")
    vendor_name = serializers.CharField(source="product.vendor.display_name")
    unit_price_cents = serializers.IntegerField(source="product.price_cents")
    total_cents = serializers.SerializerMethodField()
    currency = serializers.CharField(source="product.currency")
    is_active = serializers.BooleanField(source="product.is_offered", help_text="Whether it is still offered.")
    in_stock = serializers.SerializerMethodField(help_text="Whether so many are left for anybody to buy.")

    class Meta:
        model = CartItem
        fields = [
            "product",
            "title",
            "vendor",
            "vendor_name",
            "quantity",
            "unit_price_cents",
            "total_cents",
            "currency",
            "is_active",
            "in_stock",
            "added_at",
        ]

    def get_title(self, item: CartItem) -> str:
        return "" if item.product.is_moderated else item.product.title

    def get_total_cents(self, item: CartItem) -> int:
        return item.quantity * item.product.price_cents

    def get_in_stock(self, item: CartItem) -> bool:
        return item.product.available is None or item.product.available >= item.quantity


class Money(serializers.Serializer[Any]):
    amount_cents = serializers.IntegerField()
    currency = serializers.CharField()


@example(shown.CART)
class CartOutput(serializers.Serializer[Any]):
    """Prices and stock are those of now; they are settled at checkout."""

    items = CartItemOutput(many=True, source="*")
    totals = serializers.SerializerMethodField(help_text="One for each currency.")

    @extend_schema_field(Money(many=True))
    def get_totals(self, items: list[CartItem]) -> list[dict[str, Any]]:
        sums: Counter[str] = Counter()
        for item in items:
            sums[item.product.currency] += item.quantity * item.product.price_cents
        return [{"amount_cents": amount, "currency": currency} for currency, amount in sorted(sums.items())]


class CheckoutLineOutput(serializers.ModelSerializer[CheckoutLine]):
    class Meta:
        model = CheckoutLine
        fields = ["product", "quantity", "unit_price_cents"]


@example(shown.CHECKOUT)
class CheckoutOutput(serializers.Serializer[Any]):
    """A payment to be made, of what is held for it until it expires."""

    id = serializers.UUIDField(source="checkout.id")
    payment_intent_id = serializers.CharField(source="checkout.payment_intent_id")
    client_secret = serializers.CharField(help_text="With it the customer's browser pays.")
    amount_cents = serializers.IntegerField(source="checkout.amount_cents")
    currency = serializers.CharField(source="checkout.currency")
    expires_at = serializers.DateTimeField(source="checkout.expires_at")
    lines = CheckoutLineOutput(many=True)
