"""Money on its way back to customers, and money that their banks have called back."""

from django.db import models
from django.db.models import Q

from orders.models.checkout import Checkout
from orders.models.order import Order, OrderItem
from trustengine.accounts.models import User
from trustengine.database.fields import NormalisedCharField
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class Refund(models.Model):
    """Money that goes back for items of an order, or for a checkout that was paid and made no order.

    requested → sent (the provider may have been asked) → succeeded (counted on its items)
    → failed (the provider does not do it, or the money came back to us: it is not counted
    any more). What the provider reports without our asking begins as sent, succeeded or
    failed. Without a ``provider`` the money went back by other ways, and this only records
    it. An *estimate* stands for what a charge's total says beyond the refunds that are
    known one by one; it goes when they are.
    """

    class State(models.TextChoices):
        REQUESTED = "requested"
        SENT = "sent"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    class Reason(models.TextChoices):
        CUSTOMER_CANCELLED = "customer_cancelled", "cancelled by the customer"
        VENDOR_CANCELLED = "vendor_cancelled", "cancelled by the vendor"
        OPERATOR = "operator", "by an operator"
        REPORTED = "reported", "reported by the provider"
        NO_ORDER = "no_order", "paid, but no order was made"

    IN_FLIGHT = (State.REQUESTED, State.SENT)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, models.PROTECT, null=True, blank=True, related_name="refunds")
    checkout = models.ForeignKey(Checkout, models.PROTECT, null=True, blank=True, related_name="refunds")
    amount_cents = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=18, choices=Reason)
    note = NormalisedCharField(max_length=80, blank=True, default="", help_text="A code of the operator's own.")
    state = models.CharField(max_length=9, choices=State, default=State.REQUESTED)
    provider = models.CharField(max_length=10, blank=True, default="", help_text="Empty: not through a provider.")
    payment_intent_id = models.CharField(max_length=255, blank=True, default="")
    provider_refund_id = models.CharField(max_length=255, blank=True, default="")
    made_at = models.DateTimeField(
        null=True, blank=True, help_text="By the provider's clock, of what it reported without our asking."
    )
    named_items = models.JSONField(default=list, blank=True, help_text="The items that its metadata names.")
    named_at = models.DateTimeField(null=True, blank=True, help_text="When the provider said so.")
    is_estimate = models.BooleanField(default=False, help_text="Known from the charge's total only.")
    failure = models.CharField(max_length=80, blank=True, default="", help_text="The provider's code.")
    source = models.CharField(
        max_length=80, null=True, blank=True, unique=True, help_text="What asked for it, where that may ask again."
    )
    requested_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=database_now)
    sent_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("send_refund", "May give money back")]
        constraints = [
            models.CheckConstraint(condition=Q(currency__regex="^[A-Z]{3}$"), name="refund_currency_is_iso_4217"),
            models.CheckConstraint(
                condition=Q(order__isnull=False, checkout=None) | Q(order=None, checkout__isnull=False),
                name="refund_of_order_or_checkout",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["succeeded", "failed"], settled_at__isnull=False)
                | Q(state__in=["requested", "sent"], settled_at=None),
                name="refund_settled_or_in_flight",
            ),
            models.UniqueConstraint(
                "provider", "provider_refund_id", condition=~Q(provider_refund_id=""), name="refund_of_provider_once"
            ),
            models.UniqueConstraint(
                "checkout",
                condition=Q(reason="no_order", checkout__isnull=False) & ~Q(state="failed"),
                name="refund_of_checkout_asked_once",
            ),
            models.UniqueConstraint(
                "order", "checkout", condition=Q(is_estimate=True), nulls_distinct=False, name="refund_one_estimate"
            ),
        ]
        indexes = [
            models.Index(fields=["order", "state"], name="refund_of_order"),
            models.Index(fields=["created_at", "id"], condition=~Q(state="succeeded"), name="refund_open_or_failed"),
        ]

    def __str__(self) -> str:
        return f"refund {str(self.pk)[-8:]}"


class RefundLine(models.Model):
    """What a refund gives back for one item."""

    refund = models.ForeignKey(Refund, models.CASCADE, related_name="lines")
    item = models.ForeignKey(OrderItem, models.PROTECT, related_name="refund_lines")
    amount_cents = models.PositiveBigIntegerField()
    counted_cents = models.PositiveBigIntegerField(
        default=0, help_text="What of the refund is counted on this item; more or less where another refund came first."
    )

    class Meta:
        constraints = [models.UniqueConstraint("refund", "item", name="refund_item_once")]

    def __str__(self) -> str:
        return f"{self.amount_cents} for {self.item_id}"


class RefundTotal(models.Model):
    """What the provider said had gone back of a payment in all, at one time or another."""

    checkout = models.ForeignKey(Checkout, models.PROTECT, related_name="refund_totals", db_index=False)
    total_cents = models.PositiveBigIntegerField()
    received_at = models.DateTimeField(help_text="When it was first told: what was refunded later is not in it.")
    named_items = models.JSONField(default=list, blank=True, help_text="The items that the charge's metadata named.")

    class Meta:
        constraints = [models.UniqueConstraint("checkout", "total_cents", name="refund_total_once")]

    def __str__(self) -> str:
        return f"{self.total_cents} of {self.checkout_id}"


class Dispute(models.Model):
    """A payment that the customer's bank questions. Until it is closed, payouts for its order wait.

    A bank may decide again: ``closed_at`` and ``outcome`` are those of its newest decision.
    """

    id = models.CharField(primary_key=True, max_length=255, help_text="The provider's.")
    order = models.ForeignKey(Order, models.PROTECT, related_name="disputes")
    amount_cents = models.PositiveBigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=80, blank=True, default="", help_text="The provider's code.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=40, blank=True, default="", help_text="Such as won or lost.")

    class Meta:
        indexes = [models.Index(fields=["order"], condition=Q(closed_at=None), name="dispute_open")]

    def __str__(self) -> str:
        return f"dispute {self.pk}"
