"""What people have been told about orders, each thing once."""

from django.db import models
from django.db.models import Q

from orders.models.order import Order, OrderItem
from trustengine.accounts.models import User
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class Notice(models.Model):
    """One e-mail about an order. Its row is written before it is sent, so that it is sent once.

    ``occasion`` tells notices of one kind apart: the items they are about, or the refund.
    ``amount_cents`` is what was refunded.
    """

    class Kind(models.TextChoices):
        CONFIRMED = "confirmed"
        SHIPPED = "shipped"
        DELIVERED = "delivered"
        CANCELLED = "cancelled"
        REFUNDED = "refunded"
        NEW_ITEMS = "new_items"

    class State(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        SKIPPED = "skipped"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=9, choices=Kind)
    order = models.ForeignKey(Order, models.CASCADE, related_name="notices", db_index=False)
    recipient = models.ForeignKey(User, models.CASCADE, related_name="+")
    occasion = models.CharField(max_length=64, blank=True, default="")
    amount_cents = models.PositiveBigIntegerField(null=True, blank=True)
    state = models.CharField(max_length=7, choices=State, default=State.PENDING)
    outcome = models.CharField(max_length=20, blank=True, default="", help_text="Why it was not sent: a code.")
    created_at = models.DateTimeField(default=database_now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint("kind", "order", "recipient", "occasion", name="notice_once")]
        indexes = [
            models.Index(fields=["order"], name="notice_of_order"),
            models.Index(fields=["-created_at", "-id"], name="notice_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} · order {str(self.order_id)[-8:]}"


class NoticeItem(models.Model):
    """An item that a notice tells its recipient about: of each kind of news once."""

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="lines")
    item = models.ForeignKey(OrderItem, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=9, choices=Notice.Kind)
    recipient = models.ForeignKey(User, models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "kind", "recipient"],
                condition=~Q(kind="refunded"),  # which may happen in parts
                name="notice_item_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} · item {str(self.item_id)[-8:]}"
