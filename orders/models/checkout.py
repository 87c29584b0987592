"""From a cart to a payment: what a customer means to buy, and what is held for them while they pay."""

from typing import Self

from django.db import models
from django.db.models import Q

from orders.models.catalogue import Product
from orders.models.order import Order
from trustengine.accounts.models import Profile, User
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7
from trustengine.origins import LENGTH

MOST_PIECES = 20


class CartItemQuerySet(models.QuerySet["CartItem"]):
    def visible_to(self, user: User) -> Self:
        """What lies in the cart of any customer profile that a user may act for."""
        return self.filter(customer__in=Profile.objects.of(user))


class CartItem(models.Model):
    """A product in a customer's cart. It holds nothing: prices and stock are settled at checkout."""

    customer = models.ForeignKey(Profile, models.CASCADE, related_name="cart_items")
    product = models.ForeignKey(Product, models.CASCADE, related_name="+")
    quantity = models.PositiveSmallIntegerField()
    added_at = models.DateTimeField(default=database_now)

    objects = CartItemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("customer", "product", name="cart_product_once"),
            models.CheckConstraint(condition=Q(quantity__range=(1, MOST_PIECES)), name="cart_quantity_1_to_20"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"


class CheckoutQuerySet(models.QuerySet["Checkout"]):
    def visible_to(self, user: User) -> Self:
        """Checkouts of any customer profile that a user may act for."""
        return self.filter(customer__in=Profile.objects.of(user))

    def overdue(self) -> Self:
        """Checkouts that still hold stock after their time."""
        return self.filter(state=Checkout.State.OPEN, expires_at__lte=database_now())


class Checkout(models.Model):
    """One attempt to pay for a cart, at the prices of its moment. Its lines hold stock until ``expires_at``.

    open → paid (its order exists) | failed (the payment was refused) | expired (nobody paid
    in time, or the customer began another) | refund_due (paid, but there is nothing left to
    sell: the money goes back).
    A payment that arrives late may still turn failed or expired into paid.
    """

    class State(models.TextChoices):
        OPEN = "open"
        PAID = "paid"
        FAILED = "failed"
        EXPIRED = "expired"
        REFUND_DUE = "refund_due"
        REFUNDED = "refunded"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer = models.ForeignKey(Profile, models.PROTECT, related_name="checkouts")
    provider = models.CharField(max_length=10)
    payment_intent_id = models.CharField(max_length=255, unique=True)
    amount_cents = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    paid_cents = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="What the provider says has been paid; empty as long as nothing has."
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    expires_at = models.DateTimeField()
    order = models.OneToOneField(Order, models.PROTECT, null=True, blank=True, related_name="checkout")
    ip_hash = models.CharField(max_length=LENGTH, blank=True, default="", help_text="Kept for a day.")
    created_at = models.DateTimeField(default=database_now)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CheckoutQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(currency__regex="^[A-Z]{3}$"), name="checkout_currency_is_iso_4217"),
            models.CheckConstraint(
                condition=Q(state="paid", order__isnull=False) | (~Q(state="paid") & Q(order=None)),
                name="checkout_paid_has_order",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at", "id"], condition=Q(state="open"), name="checkout_open"),
            models.Index(fields=["customer", "-created_at", "-id"], name="checkout_of_customer"),
            models.Index(fields=["ip_hash", "created_at"], condition=~Q(ip_hash=""), name="checkout_of_address"),
            models.Index(fields=["created_at", "id"], condition=Q(state="refund_due"), name="checkout_refund_due"),
        ]

    def __str__(self) -> str:
        return f"checkout {str(self.pk)[-8:]}"


class CheckoutLine(models.Model):
    """A product of a checkout, at its price then. ``held`` pieces of it are kept from everybody else."""

    checkout = models.ForeignKey(Checkout, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    vendor = models.ForeignKey(Profile, models.PROTECT, related_name="+")
    quantity = models.PositiveSmallIntegerField()
    unit_price_cents = models.PositiveBigIntegerField()
    held = models.PositiveSmallIntegerField(default=0, help_text="0 where stock is not tracked, or no longer held.")

    class Meta:
        constraints = [
            models.UniqueConstraint("checkout", "product", name="checkout_product_once"),
            models.CheckConstraint(condition=Q(quantity__range=(1, MOST_PIECES)), name="line_quantity_1_to_20"),
            models.CheckConstraint(condition=Q(held=0) | Q(held=models.F("quantity")), name="line_holds_all_or_none"),
        ]
        indexes = [models.Index(fields=["product"], condition=Q(held__gt=0), name="line_holding")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"
