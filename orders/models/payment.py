"""What the payment provider told us, as it told us."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from orders.models.checkout import Checkout
from orders.models.order import Order
from trustengine.database_time import database_now


class PaymentEvent(models.Model):
    """One webhook event, taken once by its id. What became of it is told by ``state`` and ``outcome``.

    ``waiting`` events belong to a payment that is unknown so far, or follow one that has
    not arrived; they are tried again.
    """

    class State(models.TextChoices):
        RECEIVED = "received"
        WAITING = "waiting"
        PROCESSED = "processed"
        IGNORED = "ignored"
        FAILED = "failed"

    id = models.CharField(primary_key=True, max_length=255)
    type = models.CharField(max_length=100)
    payment_intent_id = models.CharField(max_length=255, blank=True, default="")
    payload = models.JSONField()
    state = models.CharField(max_length=9, choices=State, default=State.RECEIVED)
    outcome = models.CharField(max_length=200, blank=True, default="", help_text="What followed, in words.")
    attempts = models.PositiveIntegerField(default=0)
    checkout = models.ForeignKey(Checkout, models.SET_NULL, null=True, blank=True, related_name="events")
    order = models.ForeignKey(Order, models.SET_NULL, null=True, blank=True, related_name="payment_events")
    made_at = models.DateTimeField(help_text="By the provider's clock.")
    received_at = models.DateTimeField(default=database_now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("retry_paymentevent", "May have a payment event tried again")]
        indexes = [
            models.Index(fields=["payment_intent_id", "made_at"], name="event_of_intent"),
            models.Index(
                fields=["received_at", "id"],
                condition=Q(state__in=["received", "waiting", "failed"]),
                name="event_open",
            ),
            models.Index(fields=["-received_at", "-id"], name="event_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"


class WebhookSecretQuerySet(models.QuerySet["WebhookSecret"]):
    def valid(self) -> Self:
        """Secrets by which a signature may be made at present, the newest first."""
        return self.filter(Q(retires_at=None) | Q(retires_at__gt=Now())).order_by("-made_at", "-pk")


class WebhookSecret(models.Model):
    """What webhooks are signed with, where ``STRIPE_WEBHOOK_SECRET`` names nothing. Shown once, when it is made."""

    secret = models.CharField(max_length=255, unique=True)
    made_at = models.DateTimeField(db_default=Now())
    retires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: not yet replaced.")

    objects = WebhookSecretQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(models.Value(1), condition=Q(retires_at=None), name="webhook_secret_one_in_use")
        ]

    def __str__(self) -> str:
        return f"webhook secret of {self.made_at:%Y-%m-%d %H:%M}"
