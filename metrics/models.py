"""Days, derived from orders, items, refunds and reviews. Nothing here is a fact: every row can be made anew.

``metrics.definitions`` says what each number means. Rows are written by
``metrics.services`` alone, which re-aggregates a whole key under the row's lock.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from orders.clock import TICKS_OF_DAY
from orders.models import Product
from trustengine.accounts.models import Profile
from trustengine.database_time import database_now


class Sums(models.Model):
    """What is summed over the orders of a key. Money is in cents of the key's currency.

    ``orders`` to ``platform_fees_cents`` are of counted orders (confirmed, shipped,
    delivered) and their items that are not cancelled; the rest, which rates are made of, is
    of every item that was placed.
    """

    orders = models.PositiveIntegerField(default=0)
    units = models.PositiveBigIntegerField(default=0)
    gmv_cents = models.PositiveBigIntegerField(default=0)
    refunds_cents = models.PositiveBigIntegerField(default=0)
    platform_fees_cents = models.PositiveBigIntegerField(default=0)
    pending_payout_cents = models.GeneratedField(
        expression=F("gmv_cents") - F("refunds_cents") - F("platform_fees_cents"),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    placed_items = models.PositiveIntegerField(default=0)
    cancelled_items = models.PositiveIntegerField(default=0)
    refunded_items = models.PositiveIntegerField(default=0, help_text="Refunded in full, and not cancelled.")
    delivered_items = models.PositiveIntegerField(default=0, help_text="Of those with a date of delivery.")
    delivery_seconds = models.BigIntegerField(default=0, help_text="From placement to delivery, over delivered_items.")

    NUMBERS: ClassVar[tuple[str, ...]] = (
        "orders",
        "units",
        "gmv_cents",
        "refunds_cents",
        "platform_fees_cents",
        "placed_items",
        "cancelled_items",
        "refunded_items",
        "delivered_items",
        "delivery_seconds",
    )

    class Meta:
        abstract = True


class VendorDaily(Sums):
    """A vendor's part of the orders placed on one day, in one currency."""

    vendor = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField(help_text="The marketplace's calendar day of placement.")
    currency = models.CharField(max_length=3)
    aggregated_at = models.DateTimeField(null=True, help_text="When it was last made from the facts.")

    class Meta:
        constraints = [models.UniqueConstraint("vendor", "day", "currency", name="vendor_daily_once")]
        indexes = [models.Index(fields=["day", "currency"], name="vendor_daily_of_day")]

    def __str__(self) -> str:
        return f"{self.vendor_id} · {self.day} · {self.currency}"


class VendorSlice(Sums):
    """A vendor's part of the orders placed in one hour of one day, in one currency. Its day is the sum of these."""

    vendor = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    currency = models.CharField(max_length=3)
    hour = models.PositiveSmallIntegerField(help_text="0 to 23 by the marketplace's clock; a repeated hour is one.")
    aggregated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("vendor", "day", "currency", "hour", name="vendor_slice_once"),
            models.CheckConstraint(condition=Q(hour__lt=24), name="vendor_slice_hour_of_day"),
        ]
        indexes = [models.Index(fields=["day"], name="vendor_slice_of_day")]

    def __str__(self) -> str:
        return f"{self.vendor_id} · {self.day} {self.hour}h · {self.currency}"


class ProductDaily(models.Model):
    """A product's part of its vendor's day, for lists of what sells."""

    vendor = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    currency = models.CharField(max_length=3)
    product = models.ForeignKey(Product, models.PROTECT, related_name="+", db_index=False)
    orders = models.PositiveIntegerField(default=0)
    units = models.PositiveBigIntegerField(default=0)
    gmv_cents = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint("vendor", "day", "currency", "product", name="product_daily_once")]
        indexes = [models.Index(fields=["day", "currency"], name="product_daily_of_day")]

    def __str__(self) -> str:
        return f"{self.product_id} · {self.day} · {self.currency}"


class VendorRatingDaily(models.Model):
    """Counted reviews of a vendor's products that were written on one day, by their stars."""

    vendor = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField(help_text="The marketplace's calendar day on which they were written.")
    stars_1 = models.PositiveIntegerField(default=0)
    stars_2 = models.PositiveIntegerField(default=0)
    stars_3 = models.PositiveIntegerField(default=0)
    stars_4 = models.PositiveIntegerField(default=0)
    stars_5 = models.PositiveIntegerField(default=0)
    aggregated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint("vendor", "day", name="vendor_rating_daily_once")]
        indexes = [models.Index(fields=["day"], name="vendor_rating_daily_of_day")]

    def __str__(self) -> str:
        return f"{self.vendor_id} · {self.day}"


class PageViews(models.Model):
    """How often pages with reviews were seen on one day. A fact, and told from outside: nothing here counts it."""

    day = models.DateField(unique=True)
    views = models.PositiveBigIntegerField()
    told_at = models.DateTimeField(default=database_now)

    class Meta:
        verbose_name_plural = "page views"
        permissions = [("see_trust", "May see how screening and moderation go")]

    def __str__(self) -> str:
        return f"{self.views} on {self.day}"


class PlatformTick(Sums):
    """The orders that were placed in one tick (a quarter of a minute) of one day, over all vendors, in one currency.

    The only part of the platform's day that is made from orders; hours and the day are sums.
    """

    day = models.DateField()
    currency = models.CharField(max_length=3)
    tick = models.PositiveSmallIntegerField(
        help_text="Quarters of a minute by the marketplace's clock, 0 to 5,759; those of a repeated hour are one."
    )
    aggregated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("day", "currency", "tick", name="platform_tick_once"),
            models.CheckConstraint(condition=Q(tick__lt=TICKS_OF_DAY), name="platform_tick_of_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day} tick {self.tick} · {self.currency}"


class PlatformSlice(Sums):
    """The orders that were placed in one hour of one day, over all vendors, in one currency: a sum of ticks."""

    day = models.DateField()
    currency = models.CharField(max_length=3)
    hour = models.PositiveSmallIntegerField(help_text="0 to 23 by the marketplace's clock; a repeated hour is one.")
    aggregated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("day", "currency", "hour", name="platform_slice_once"),
            models.CheckConstraint(condition=Q(hour__lt=24), name="platform_slice_hour_of_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.hour}h · {self.currency}"


class PlatformDaily(Sums):
    """All orders placed on one day, in one currency: the sum of its slices. An order of two vendors is one order."""

    day = models.DateField()
    currency = models.CharField(max_length=3)
    aggregated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint("day", "currency", name="platform_daily_once")]

    def __str__(self) -> str:
        return f"{self.day} · {self.currency}"


# All that is derived, a row of each belonging to one day.
TABLES: tuple[type[models.Model], ...] = (
    VendorSlice,
    VendorDaily,
    ProductDaily,
    PlatformTick,
    PlatformSlice,
    PlatformDaily,
    VendorRatingDaily,
)
