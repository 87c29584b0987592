"""What profiles have used. Events are the facts; a period's ``used`` is their sum, kept with them.

Events have no foreign key: thousands in one request would each share-lock the profile's
row. The period they are counted in has one, so there is none of an unknown profile.
"""

import pgtrigger
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from billing.meters import CHOICES, MOST
from trustengine.accounts.models import Profile
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class UsageEvent(models.Model):
    """Something that a profile used, told once by its source. A correction is another event, with a sign.

    ``digest`` is the SHA-256 of what was told, by which a repetition is known from a
    contradiction. ``adjusts`` names the closed month it belongs to, where it came too late.
    """

    open_choices = frozenset({"meter"})

    pk = models.CompositePrimaryKey("profile_id", "source", "event_id")
    profile_id = models.UUIDField()
    source = models.CharField(max_length=40)
    event_id = models.CharField(max_length=100)
    meter = models.CharField(max_length=20, choices=CHOICES)
    quantity = models.BigIntegerField()
    digest = models.BinaryField(max_length=32)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    month = models.DateField(help_text="The first day of the month that it is counted in.")
    adjusts = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__range=(-MOST, MOST)), name="usage_event_bounded"),
            models.CheckConstraint(condition=~Q(source="") & ~Q(event_id=""), name="usage_event_named"),
            models.CheckConstraint(
                condition=Q(adjusts=None) | Q(adjusts__lt=models.F("month")), name="usage_event_late"
            ),
        ]
        indexes = [
            # All that a timeline needs, so that it is read from the index alone.
            models.Index(fields=["profile_id", "meter", "occurred_at"], include=["quantity"], name="usage_timeline"),
            models.Index(fields=["profile_id", "meter", "month"], include=["quantity"], name="usage_of_month"),
        ]
        triggers = [pgtrigger.Protect(name="told_once", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.source} {self.event_id}: {self.quantity} {self.meter}"


class UsagePeriod(models.Model):
    """How much of a meter a profile has used in a month, and how much is spoken for at present.

    Below zero only where corrections came before what they correct.
    """

    open_choices = frozenset({"meter"})

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    profile = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    meter = models.CharField(max_length=20, choices=CHOICES)
    month = models.DateField(help_text="Its first day.")
    used = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    updated_at = models.DateTimeField(default=database_now)

    class Meta:
        constraints = [
            models.UniqueConstraint("profile", "meter", "month", name="usage_period_once"),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="usage_reserved_not_negative"),
            models.CheckConstraint(condition=Q(month__day=1), name="usage_month_begins"),
        ]
        indexes = [
            models.Index(fields=["-month", "-id"], name="usage_period_newest"),
            models.Index(fields=["month"], condition=Q(state="open"), name="usage_period_open"),
        ]

    def __str__(self) -> str:
        return f"{self.profile} · {self.meter} · {self.month:%Y-%m}"


class UsageReservation(models.Model):
    """Part of a hard limit that work under way may use. It ends with the work, or by itself."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    period = models.ForeignKey(UsagePeriod, models.CASCADE, related_name="reservations")
    profile = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    quantity = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=database_now)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(quantity__gt=0), name="usage_reserves_something")]
        indexes = [models.Index(fields=["expires_at"], name="usage_reservation_ends")]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.period_id}"


class UsageAlert(models.Model):
    """That a profile's owners are told of having used so many per cent of a meter, once in a month."""

    open_choices = frozenset({"meter"})

    PERCENTS = (50, 80, 100)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    profile = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    meter = models.CharField(max_length=20, choices=CHOICES)
    month = models.DateField()
    percent = models.PositiveSmallIntegerField()
    used = models.BigIntegerField(validators=[MinValueValidator(0)])
    cap = models.BigIntegerField(
        validators=[MinValueValidator(0)], help_text="The limit, or what is included, at that time."
    )
    created_at = models.DateTimeField(default=database_now)
    told_at = models.DateTimeField(null=True, help_text="Empty while the mail waits, or a higher alert said it.")

    class Meta:
        constraints = [
            models.UniqueConstraint("profile", "meter", "month", "percent", name="usage_alert_once"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % of {self.meter}"
