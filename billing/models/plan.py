"""Plans, their versions, and who has which. What has been published stays as it was, by trigger."""

from datetime import datetime
from typing import Self

import pgtrigger
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from billing.meters import CHOICES, MOST
from trustengine.accounts.models import Profile, User
from trustengine.database.fields import NormalisedCharField
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7

MOST_CENTS = 10**10
FIXED = [
    "plan_id",
    "number",
    "price_cents",
    "currency",
    "interval",
    "description",
    "internal_price_cents",
    "internal_note",
    "published_at",
]
CHANGED = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in FIXED)
METER_OF_A_DRAFT = """
IF EXISTS (SELECT FROM billing_planversion v
           WHERE v.id IN (OLD.version_id, NEW.version_id) AND v.state <> 'draft') THEN
    RAISE EXCEPTION 'pgtrigger: a published plan stays as it is' USING ERRCODE = 'integrity_constraint_violation';
END IF;
RETURN coalesce(NEW, OLD);
"""


class Plan(models.Model):
    """What a profile can subscribe to, under one name. What it costs and grants is in its versions."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.CharField(max_length=40, unique=True)
    name = NormalisedCharField(max_length=80)
    created_at = models.DateTimeField(default=database_now)

    class Meta:
        permissions = [("edit_plan", "May draft, publish and retire plans")]
        constraints = [
            models.CheckConstraint(condition=Q(code__regex=r"^[a-z0-9][a-z0-9-]*$"), name="plan_code_is_plain")
        ]

    def __str__(self) -> str:
        return self.name


class PlanVersionQuerySet(models.QuerySet["PlanVersion"]):
    def offered(self) -> Self:
        """What anybody may subscribe to: of each plan the newest version that is published."""
        published = self.model.State.PUBLISHED
        newer = PlanVersion.objects.filter(plan=OuterRef("plan"), state=published, number__gt=OuterRef("number"))
        return self.filter(~Exists(newer), state=published)


class PlanVersion(models.Model):
    """The terms of a plan, as published once and for all. Prices are per interval, in minor units.

    ``internal_*`` are the marketplace's own and leave it by no API. ``is_default`` marks the
    one version that profiles without a subscription have.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        RETIRED = "retired"

    class Interval(models.TextChoices):
        MONTH = "month"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.DRAFT)
    price_cents = models.PositiveBigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    interval = models.CharField(max_length=5, choices=Interval, default=Interval.MONTH)
    description = NormalisedCharField(max_length=2_000, blank=True, default="")
    internal_price_cents = models.PositiveBigIntegerField(null=True, blank=True, help_text="What it costs us.")
    internal_note = NormalisedCharField(max_length=500, blank=True, default="")
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=database_now)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = PlanVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("plan", "number", name="plan_version_once"),
            models.UniqueConstraint("plan", condition=Q(state="draft"), name="plan_one_draft"),
            models.UniqueConstraint("is_default", condition=Q(is_default=True), name="plan_one_default"),
            models.CheckConstraint(condition=Q(is_default=False) | Q(state="published"), name="plan_default_published"),
            models.CheckConstraint(condition=Q(currency__regex="^[A-Z]{3}$"), name="plan_currency_is_iso_4217"),
            models.CheckConstraint(condition=Q(price_cents__lte=MOST_CENTS), name="plan_price_bounded"),
            models.CheckConstraint(
                condition=Q(state="draft", published_at=None) | ~Q(state="draft") & Q(published_at__isnull=False),
                name="plan_published_at_known",
            ),
            models.CheckConstraint(
                condition=Q(state="retired", retired_at__isnull=False) | ~Q(state="retired") & Q(retired_at=None),
                name="plan_retired_at_known",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="published_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"OLD.state <> 'draft' AND ({CHANGED} OR NEW.state = 'draft'"
                    " OR (OLD.state = 'retired' AND NEW.state <> 'retired'))"
                ),
            ),
            pgtrigger.Protect(
                name="published_is_kept", operation=pgtrigger.Delete, condition=~pgtrigger.Q(old__state="draft")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan.name}, version {self.number}"


class PlanMeter(models.Model):
    """What a version includes of a meter, and where it ends: a hard limit refuses, a soft one warns."""

    open_choices = frozenset({"meter"})

    class Kind(models.TextChoices):
        SOFT = "soft"
        HARD = "hard"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(PlanVersion, models.CASCADE, related_name="meters", db_index=False)
    meter = models.CharField(max_length=20, choices=CHOICES)
    included = models.PositiveBigIntegerField(default=0, help_text="What the price covers, in a month.")
    limit = models.PositiveBigIntegerField(null=True, blank=True, help_text="Empty: none.")
    kind = models.CharField(max_length=4, choices=Kind, default=Kind.SOFT)

    class Meta:
        ordering = ["meter"]
        constraints = [
            models.UniqueConstraint("version", "meter", name="plan_meter_once"),
            models.CheckConstraint(condition=~Q(kind="hard") | Q(limit__isnull=False), name="plan_hard_has_limit"),
            models.CheckConstraint(condition=Q(limit=None) | Q(limit__gte=F("included")), name="plan_limit_not_below"),
            models.CheckConstraint(
                condition=Q(included__lte=MOST) & (Q(limit=None) | Q(limit__lte=MOST)), name="plan_meter_bounded"
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="published_stays",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func=METER_OF_A_DRAFT,
            )
        ]

    def __str__(self) -> str:
        return f"{self.meter}: {self.included}"


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def live(self) -> Self:
        return self.filter(valid_to=None)

    def due(self, moment: datetime) -> Self:
        """Those with a change that was put off until now."""
        return self.live().filter(next_at__lte=moment)


class Subscription(models.Model):
    """That a profile has one version of a plan, from when to when. Rows that have ended are its history.

    A change at the period's end waits in ``next_at``; ``next_version`` says to what, and is
    empty for an end. From that moment it holds, whether the job has been there or not.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    profile = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="subscriptions")
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    next_version = models.ForeignKey(PlanVersion, models.PROTECT, null=True, blank=True, related_name="+")
    next_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=database_now)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        permissions = [("edit_subscription", "May subscribe profiles to plans, and change and end that")]
        constraints = [
            models.UniqueConstraint("profile", condition=Q(valid_to=None), name="subscription_one_live"),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gte=F("valid_from")), name="subscription_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(next_version=None) | Q(next_at__isnull=False), name="subscription_change_has_time"
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(next_at=None), name="subscription_ended_waits_for_nothing"
            ),
        ]
        indexes = [
            models.Index(fields=["profile", "-valid_from", "-id"], name="subscription_of_profile"),
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="subscription_due"),
        ]

    def __str__(self) -> str:
        return f"{self.profile} · {self.version}"

    def is_due(self, moment: datetime) -> bool:
        """Whether the change that was put off holds by then."""
        return self.next_at is not None and self.next_at <= moment
