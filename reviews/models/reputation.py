from datetime import datetime
from typing import Self

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q

from trustengine.accounts.models import User
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7

START = 50


class Reputation(models.Model):
    """What is known of a user as an author, 0 to 100. Derived; see ``reviews.reputation``."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="reputation")
    score = models.PositiveSmallIntegerField(default=START, validators=[MaxValueValidator(100)])
    consecutive_approved = models.PositiveIntegerField(default=0)
    warnings_count = models.PositiveIntegerField(default=0)
    approved = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    parts = models.JSONField(default=dict, help_text="What each part of the formula gave, and from which facts.")
    formula_version = models.PositiveSmallIntegerField()
    computed_at = models.DateTimeField(default=database_now)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(score__range=(0, 100)), name="reputation_0_to_100")]
        indexes = [models.Index(fields=["computed_at"], name="reputation_computed")]

    def __str__(self) -> str:
        return f"{self.score} of 100"


class StrikeQuerySet(models.QuerySet["Strike"]):
    def active(self, moment: datetime | None = None) -> Self:
        """Strikes that weigh on their user at a moment: given, not run out, not taken back."""
        moment = moment or database_now()
        return self.filter(given_at__lte=moment, expires_at__gt=moment, revoked_at=None)


class Strike(models.Model):
    """A warning that a user was given by a decision. It lowers their reputation until it runs out."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="strikes")
    reason = models.CharField(max_length=50, help_text="A reason code.")
    given_at = models.DateTimeField(default=database_now)
    expires_at = models.DateTimeField()
    given_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty where a rule decided."
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    objects = StrikeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("given_at")), name="strike_expires_later"),
            models.CheckConstraint(condition=~Q(reason=""), name="strike_has_reason"),
        ]
        indexes = [
            models.Index(fields=["user", "-given_at"], name="strike_of_user"),
            models.Index(fields=["expires_at"], condition=Q(revoked_at=None), name="strike_expiry"),
        ]

    def __str__(self) -> str:
        return f"strike for {self.reason}"
