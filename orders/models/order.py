"""Orders and their items. Lock order: order, then its items by id, then product."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from orders.clock import TICKS_OF_DAY
from orders.models.catalogue import Product
from trustengine.accounts.models import Profile, User
from trustengine.database.fields import NormalisedCharField
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7

# ``mostly_refunded`` in SQL, of a table named ``item``, with the parameter ``share``: REFUND_SHARE_UNCOUNTED.
MOSTLY_REFUNDED = """(item.refunded_at IS NOT NULL OR item.refunded_cents > 0 AND
    item.refunded_cents::numeric * 100 >= item.quantity::numeric * item.unit_price_cents * %(share)s)"""


def mostly_refunded(refunded_at: datetime | None, refunded_cents: int, price_cents: int) -> bool:
    """Whether at least ``REFUND_SHARE_UNCOUNTED`` per cent of an item's price went back, by however many refunds."""
    share = settings.REFUND_SHARE_UNCOUNTED
    return refunded_at is not None or (refunded_cents > 0 and refunded_cents * 100 >= price_cents * share)


class OrderQuerySet(models.QuerySet["Order"]):
    def visible_to(self, user: User) -> Self:
        """Orders that a user placed, for any customer profile they may act for."""
        return self.filter(customer__in=Profile.objects.of(user))

    def open(self) -> Self:
        """Orders of which something is still to come, by their status."""
        return self.filter(status__in=Order.OPEN)

    def stuck(self) -> Self:
        """Open orders although no item of theirs is under way any more: the status was left behind.

        Answered from two partial indexes, of open orders and of items under way.
        """
        items = OrderItem.objects.filter(order=OuterRef("pk"))
        return self.open().filter(~Exists(items.under_way()), Exists(items))

    def with_derived_status(self) -> Self:
        """Annotate ``derived_status`` and ``derived_delivered_at``: the one definition of both.

        All items cancelled → cancelled; every other one refunded → refunded; then, of the
        items neither cancelled nor refunded: all delivered or returned → delivered, at the
        latest of their dates; all at least shipped → shipped; else confirmed.
        """
        items = OrderItem.objects.filter(order=OuterRef("pk")).order_by().values("order")
        cancelled = Q(fulfilment_status=OrderItem.Fulfilment.CANCELLED)
        refunded = ~cancelled & Q(refunded_at__isnull=False)
        standing = ~cancelled & Q(refunded_at=None)
        arrived = standing & Q(fulfilment_status__in=OrderItem.ARRIVED)
        shipped = standing & Q(fulfilment_status__in=[OrderItem.Fulfilment.SHIPPED, *OrderItem.ARRIVED])

        summary = items.annotate(
            total=Count("*"),
            n_cancelled=Count("fulfilment_status", filter=cancelled),
            n_refunded=Count("fulfilment_status", filter=refunded),
            n_standing=Count("fulfilment_status", filter=standing),
            n_arrived=Count("fulfilment_status", filter=arrived),
            n_shipped=Count("fulfilment_status", filter=shipped),
            last_delivered=Max("delivered_at", filter=arrived),
        ).annotate(
            status=Case(
                When(n_cancelled=F("total"), then=Value(Order.Status.CANCELLED)),
                When(n_standing=0, then=Value(Order.Status.REFUNDED)),
                When(n_arrived=F("n_standing"), then=Value(Order.Status.DELIVERED)),
                When(n_shipped=F("n_standing"), then=Value(Order.Status.SHIPPED)),
                default=Value(Order.Status.CONFIRMED),
                output_field=models.CharField(),
            ),
        )
        delivered_at = Case(When(status=Order.Status.DELIVERED, then=F("last_delivered")), default=None)
        return self.annotate(
            derived_status=Coalesce(
                Subquery(summary.values("status")),
                Value(Order.Status.CONFIRMED),
                output_field=models.CharField(),
            ),
            derived_delivered_at=Subquery(
                summary.annotate(moment=delivered_at).values("moment"),
                output_field=models.DateTimeField(),
            ),
        )


class Order(models.Model):
    """A customer's paid purchase. ``status`` and ``delivered_at`` are derived from its items."""

    class Status(models.TextChoices):
        CONFIRMED = "confirmed"
        SHIPPED = "shipped"
        DELIVERED = "delivered"
        CANCELLED = "cancelled"
        REFUNDED = "refunded"

    OPEN = (Status.CONFIRMED, Status.SHIPPED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # No index of its own here nor below: one of Meta's leads with the column.
    customer = models.ForeignKey(Profile, models.PROTECT, related_name="orders", db_index=False)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=9, choices=Status, default=Status.CONFIRMED)
    placed_at = models.DateTimeField(default=database_now)
    day = models.DateField(help_text="The marketplace's calendar day on which it was placed.")
    tick = models.PositiveSmallIntegerField(
        help_text="Of that day: quarters of a minute by the marketplace's clock, 0 to 5,759."
    )
    delivered_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    import_digest = models.BinaryField(null=True, editable=False)

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(currency__regex="^[A-Z]{3}$"),
                name="order_currency_is_iso_4217",
            ),
            models.CheckConstraint(condition=Q(tick__lt=TICKS_OF_DAY), name="order_tick_of_day"),
        ]
        indexes = [
            models.Index(fields=["customer", "-placed_at", "-id"], name="order_of_customer"),
            models.Index(fields=["-placed_at", "-id"], name="order_newest"),
            models.Index(fields=["day", "tick"], name="order_day"),
            models.Index(fields=["id"], condition=Q(status__in=["confirmed", "shipped"]), name="order_open"),
        ]

    def __str__(self) -> str:
        return f"order {str(self.pk)[-8:]}"


class OrderItemQuerySet(models.QuerySet["OrderItem"]):
    def visible_to(self, user: User) -> Self:
        """Items that a user sees as a member of the vendor who fulfils them."""
        return self.filter(vendor__in=Profile.objects.of(user))

    def under_way(self) -> Self:
        """Items that have neither arrived nor been cancelled or refunded."""
        return self.filter(fulfilment_status__in=OrderItem.UNDER_WAY, refunded_at=None)


class OrderItem(models.Model):
    """One product in an order, fulfilled by its vendor on its own dates."""

    class Fulfilment(models.TextChoices):
        PENDING = "pending"
        PROCESSING = "processing"
        SHIPPED = "shipped"
        DELIVERED = "delivered"
        CANCELLED = "cancelled"
        RETURNED = "returned"

    ARRIVED = (Fulfilment.DELIVERED, Fulfilment.RETURNED)
    UNDER_WAY = (Fulfilment.PENDING, Fulfilment.PROCESSING, Fulfilment.SHIPPED)
    TRANSITIONS = {
        Fulfilment.PENDING: {Fulfilment.PROCESSING, Fulfilment.CANCELLED},
        Fulfilment.PROCESSING: {Fulfilment.SHIPPED, Fulfilment.CANCELLED},
        Fulfilment.SHIPPED: {Fulfilment.DELIVERED, Fulfilment.RETURNED},
        Fulfilment.DELIVERED: {Fulfilment.RETURNED},
        Fulfilment.CANCELLED: set(),
        Fulfilment.RETURNED: set(),
    }

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, models.PROTECT, related_name="items", db_index=False)
    product = models.ForeignKey(Product, models.PROTECT, related_name="items", db_index=False)
    vendor = models.ForeignKey(
        Profile, models.PROTECT, related_name="items", db_index=False, help_text="Who sold it then."
    )
    day = models.DateField(help_text="Its order's, copied: a vendor's items of a time are looked for often.")
    tick = models.PositiveSmallIntegerField(help_text="Its order's, copied.")
    quantity = models.PositiveIntegerField()
    unit_price_cents = models.PositiveBigIntegerField()
    fulfilment_status = models.CharField(max_length=10, choices=Fulfilment, default=Fulfilment.PENDING)
    tracking_number = NormalisedCharField(max_length=100, blank=True, default="")
    shipped_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    returned_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    refunded_at = models.DateTimeField(null=True, blank=True, help_text="When all of its price had been refunded.")
    refunded_cents = models.PositiveBigIntegerField(default=0, help_text="What has been refunded of its price so far.")
    updated_at = models.DateTimeField(auto_now=True)
    import_digest = models.BinaryField(null=True, editable=False)

    objects = OrderItemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="item_quantity_at_least_1"),
            models.CheckConstraint(
                condition=Q(refunded_cents__lte=F("quantity") * F("unit_price_cents")),
                name="item_refund_within_price",
            ),
        ]
        indexes = [
            # With all that the status of its order is derived from, so that deriving it reads no table.
            models.Index(
                fields=["order", "fulfilment_status"], include=["refunded_at", "delivered_at"], name="item_of_order"
            ),
            models.Index(
                fields=["order"],
                condition=Q(fulfilment_status__in=["pending", "processing", "shipped"], refunded_at=None),
                name="item_under_way",
            ),
            models.Index(fields=["vendor", "fulfilment_status", "-id"], name="item_of_vendor"),
            models.Index(fields=["vendor", "day", "tick"], name="item_of_vendor_day"),
            models.Index(fields=["product", "day", "order"], name="item_of_product"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"

    @property
    def price_cents(self) -> int:
        """What all its pieces cost together."""
        return self.quantity * self.unit_price_cents

    @property
    def is_mostly_refunded(self) -> bool:
        """Whether so much of its price went back that its review does not count."""
        return mostly_refunded(self.refunded_at, self.refunded_cents, self.price_cents)
