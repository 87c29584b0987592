"""Products as their vendors see and change them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders import examples as shown
from orders.models import LONGEST_DESCRIPTION, MOST_CENTS, MOST_STOCK, Product
from trustengine.api.fields import NormalisedText
from trustengine.api.schema import example


class ProductFields(serializers.Serializer[Any]):
    title = NormalisedText(max_length=200)
    description = NormalisedText(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True)
    price_cents = serializers.IntegerField(min_value=0, max_value=MOST_CENTS, help_text="In minor units by ISO 4217.")
    currency = serializers.RegexField(
        "^[A-Z]{3}$", required=False, max_length=3, help_text="By ISO 4217; absent: the marketplace's."
    )
    stock = serializers.IntegerField(
        min_value=0, max_value=MOST_STOCK, required=False, allow_null=True, help_text="Null: not tracked."
    )
    is_active = serializers.BooleanField(required=False)


@example(shown.PRODUCT_INPUT)
class ProductInput(ProductFields):
    vendor = serializers.UUIDField(required=False, help_text="Needed where the caller may sell for several.")


@example(shown.PRODUCT_CHANGES)
class ProductChanges(ProductFields):
    """What is absent stays. ``stock`` says how many there are, ``stock_change`` how many came or went."""

    title = NormalisedText(max_length=200, required=False)
    price_cents = serializers.IntegerField(min_value=0, max_value=MOST_CENTS, required=False)
    stock_change = serializers.IntegerField(min_value=-MOST_STOCK, max_value=MOST_STOCK, required=False)


@example(shown.MODERATION)
class ModerationOutput(serializers.Serializer[Any]):
    """What moderators have imposed on a product. Only they lift it; the decision may be appealed against."""

    state = serializers.ChoiceField(["hidden", "removed"])
    reason = serializers.CharField(help_text="A code of the catalogue; empty where only hidden.")
    ground = serializers.CharField(help_text="illegal or terms; empty where only hidden.")
    since = serializers.DateTimeField(allow_null=True)


@example(shown.VENDOR_PRODUCT)
class VendorProductOutput(serializers.ModelSerializer[Product]):
    reserved = serializers.IntegerField(help_text="Held by open checkouts.")
    available = serializers.IntegerField(allow_null=True, help_text="Stock less what is reserved.")
    moderation = serializers.SerializerMethodField(help_text="Null where no moderator has taken it out of view.")

    class Meta:
        model = Product
        fields = [
            "id",
            "vendor",
            "title",
            "description",
            "price_cents",
            "currency",
            "stock",
            "reserved",
            "available",
            "is_active",
            "moderation",
            "created_at",
            "updated_at",
        ]

    @extend_schema_field(ModerationOutput(allow_null=True))
    def get_moderation(self, product: Product) -> dict[str, Any] | None:
        if not product.is_moderated:
            return None
        values = {
            "state": "removed" if product.removed_at else "hidden",
            "reason": product.removal_reason,
            "ground": product.removal_ground,
            "since": product.removed_at,
        }
        return ModerationOutput(values).data
