"""What screening is told by people: the policy in force, and words that are not wanted."""

from typing import Self

from django.db import models
from django.db.models import Q

from trustengine.accounts.models import User
from trustengine.database.fields import NormalisedCharField
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class ScreeningPolicy(models.Model):
    """One version of how signals become a verdict. Only a draft changes; exactly one version is in force."""

    class State(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        RETIRED = "retired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.PositiveIntegerField(unique=True)
    state = models.CharField(max_length=9, choices=State, default=State.DRAFT)
    queue_at = models.FloatField(default=0.5, help_text="Score from which a moderator decides.")
    restrict_at = models.FloatField(
        null=True, blank=True, help_text="Score from which a review is restricted; empty for never."
    )
    min_reputation = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Reputation for approval by rule; empty for what the settings say."
    )
    min_consecutive = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Approvals in a row for approval by rule; empty for what the settings say."
    )
    created_at = models.DateTimeField(default=database_now)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name_plural = "screening policies"
        permissions = [("edit_screening", "May change the screening policy and the deny list")]
        constraints = [
            models.UniqueConstraint("state", condition=Q(state="published"), name="policy_one_in_force"),
            models.UniqueConstraint("created_by", condition=Q(state="draft"), name="policy_one_draft_each"),
            models.CheckConstraint(condition=Q(queue_at__range=(0, 1)), name="policy_queue_at_0_to_1"),
            models.CheckConstraint(
                condition=Q(restrict_at=None) | Q(restrict_at__gt=0, restrict_at__lte=1),
                name="policy_restrict_at_0_to_1",
            ),
            models.CheckConstraint(
                condition=Q(min_reputation=None) | Q(min_reputation__lte=100), name="policy_reputation_to_100"
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(published_at__isnull=False), name="policy_published_at_known"
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"


class PolicyRule(models.Model):
    """What one version of the policy makes of one signal. A signal without a rule has the built-in one."""

    class Action(models.TextChoices):
        NOTE = "note", "only note it"
        QUEUE = "queue", "have a moderator decide"
        RESTRICT = "restrict", "restrict the review"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    policy = models.ForeignKey(ScreeningPolicy, models.CASCADE, related_name="rules")
    signal = models.CharField(max_length=40)
    enabled = models.BooleanField(default=True)
    weight = models.FloatField()
    action = models.CharField(max_length=8, choices=Action, default=Action.QUEUE)

    class Meta:
        ordering = ["signal"]
        constraints = [
            models.UniqueConstraint("policy", "signal", name="policy_rule_once"),
            models.CheckConstraint(condition=Q(weight__range=(0, 1)), name="policy_rule_weight_0_to_1"),
        ]

    def __str__(self) -> str:
        return f"{self.signal}: {self.action}"


class DenyTermQuerySet(models.QuerySet["DenyTerm"]):
    def active(self) -> Self:
        """Terms that are looked for."""
        return self.filter(retired_at=None)


class DenyTerm(models.Model):
    """Words that hold a review back, or have it rejected. ``folded`` is how they are compared."""

    class Action(models.TextChoices):
        BLOCK = "block", "reject the review"
        QUEUE = "queue", "have a moderator decide"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    term = NormalisedCharField(max_length=100)
    folded = models.CharField(max_length=200)
    action = models.CharField(max_length=5, choices=Action, default=Action.QUEUE)
    reason = models.CharField(max_length=24, default="spam", help_text="The reason that the author is given.")
    note = NormalisedCharField(max_length=200, blank=True, default="")
    added_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=database_now)
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    objects = DenyTermQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("folded", condition=Q(retired_at=None), name="deny_term_once"),
            models.CheckConstraint(condition=~Q(folded=""), name="deny_term_says_something"),
        ]

    def __str__(self) -> str:
        return self.term

    @property
    def is_active(self) -> bool:
        return self.retired_at is None
