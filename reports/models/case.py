from typing import Self

from django.db import models
from django.db.models import Q

from trustengine.accounts.models import User
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class ContentType(models.TextChoices):
    """What may be reported and decided on. Contents are named by (type, id), without a foreign key."""

    REVIEW = "review"
    REPLY = "reply"
    PRODUCT = "product"


class CaseQuerySet(models.QuerySet["Case"]):
    def open(self) -> Self:
        return self.filter(state=Case.State.OPEN)

    def overdue(self) -> Self:
        return self.open().filter(due_at__lt=database_now())

    def unclaimed(self) -> Self:
        """Cases that nobody works on at present."""
        return self.filter(Q(claim_expires_at=None) | Q(claim_expires_at__lte=database_now()))


class Case(models.Model):
    """What moderators decide: one piece of content, with everything that speaks for looking at it.

    At most one is open per content. ``version`` moves with whatever a decision has to know
    (a new text, a new report, another decision); who decides names the version they saw.
    ``pressure`` is the base-2 logarithm of the priority at the time zero, so that cases age
    without being touched: see ``reports.priority``.
    """

    class Queue(models.TextChoices):
        PENDING = "pending", "Pending reviews"
        REPORTS = "reports", "Reports"
        APPEALS = "appeals", "Appeals"
        RESTRICTED = "restricted", "Restricted"

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    content_type = models.CharField(max_length=7, choices=ContentType)
    content_id = models.UUIDField()
    author = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    queue = models.CharField(max_length=10, choices=Queue)
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    version = models.PositiveIntegerField(default=1)
    fingerprint = models.CharField(max_length=200, blank=True, default="", help_text="Of what the version is about.")
    pressure = models.FloatField(default=0)
    parts = models.JSONField(default=list, help_text="What the priority is made of, each with its factor and words.")
    claimed_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    claim_expires_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(default=database_now)
    due_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    batch = models.ForeignKey("reports.LookBack", models.SET_NULL, null=True, blank=True, related_name="cases")
    updated_at = models.DateTimeField(auto_now=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        permissions = [
            ("moderate_case", "May decide on cases"),
            ("rule_appeal", "May rule on appeals"),
            ("approve_proposal", "May give the second approval"),
        ]
        constraints = [
            models.UniqueConstraint(
                "content_type", "content_id", condition=Q(state="open"), name="case_one_open_per_content"
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None) | Q(state="closed", closed_at__isnull=False),
                name="case_closed_at_when_closed",
            ),
        ]
        indexes = [
            models.Index(fields=["queue", "-pressure", "id"], condition=Q(state="open"), name="case_pressing"),
            models.Index(fields=["-pressure", "id"], condition=Q(state="open"), name="case_pressing_all"),
            models.Index(fields=["due_at", "id"], condition=Q(state="open"), name="case_due"),
            models.Index(fields=["-opened_at", "-id"], name="case_newest"),
            models.Index(fields=["content_type", "content_id", "-opened_at"], name="case_of_content"),
            models.Index(fields=["author", "-opened_at"], name="case_of_author"),
        ]

    def __str__(self) -> str:
        return f"case {str(self.pk)[-8:]}"

    @property
    def is_claimed(self) -> bool:
        """Whether somebody works on it at present."""
        return self.claim_expires_at is not None and self.claim_expires_at > database_now()


class LookBack(models.Model):
    """All past reviews of an author put back into cases in one step, and taken out of them as one."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        UNDONE = "undone"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    started_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=40)
    state = models.CharField(max_length=7, choices=State, default=State.RUNNING)
    position = models.UUIDField(null=True, help_text="The last review that was looked at.")
    cases_opened = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=database_now)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"look-back {str(self.pk)[-8:]}"
