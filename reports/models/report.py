import secrets
from typing import Self

from django.db import models
from django.db.models import Q

from reports.models.case import Case, ContentType
from reports.models.catalogue import ReasonCode
from trustengine.accounts.models import User
from trustengine.database.fields import NormalisedTextField
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7

FOLDER = "evidence"
TOKEN_BYTES = 20


def new_name(ending: str) -> str:
    """A name in the storage that nobody guesses, in one of 256 folders."""
    token = secrets.token_hex(TOKEN_BYTES)
    return f"{FOLDER}/{token[:2]}/{token}.{ending}"


class ReportQuerySet(models.QuerySet["Report"]):
    def standing(self) -> Self:
        """Reports that count: all but the withdrawn ones."""
        return self.exclude(status=Report.Status.WITHDRAWN)

    def pending(self) -> Self:
        return self.filter(status=Report.Status.PENDING)

    def visible_to(self, user: User) -> Self:
        """One's own reports."""
        return self.filter(reporter=user)


class Report(models.Model):
    """Somebody says that a piece of content should be looked at. One row per reporter and content, ever.

    ``snapshot`` is the content as it was then: later edits do not change the evidence. A report is
    ``moot`` where the content was withdrawn before anybody looked: nobody has reviewed it.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        ACTIONED = "actioned"
        DISMISSED = "dismissed"
        MOOT = "moot"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reporter = models.ForeignKey(User, models.PROTECT, related_name="reports")
    content_type = models.CharField(max_length=7, choices=ContentType)
    content_id = models.UUIDField()
    case = models.ForeignKey(Case, models.PROTECT, null=True, blank=True, related_name="reports")
    reason = models.ForeignKey(ReasonCode, models.PROTECT, related_name="+")
    description = NormalisedTextField(max_length=2_000, blank=True, default="")
    snapshot = models.JSONField(default=dict, help_text="The content as reported.")
    status = models.CharField(max_length=9, choices=Status, default=Status.PENDING)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=database_now)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ReportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("reporter", "content_type", "content_id", name="report_once"),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "withdrawn", "moot"], reviewed_at=None, reviewed_by=None)
                | Q(status__in=["actioned", "dismissed"], reviewed_at__isnull=False),
                name="report_reviewed_when_decided",
            ),
        ]
        indexes = [
            models.Index(fields=["content_type", "content_id", "-created_at"], name="report_of_content"),
            models.Index(fields=["reporter", "-created_at", "-id"], name="report_of_reporter"),
            models.Index(fields=["created_at", "id"], condition=Q(status="pending"), name="report_pending"),
            models.Index(fields=["created_at"], name="report_received"),
        ]

    def __str__(self) -> str:
        return f"report {str(self.pk)[-8:]}"


class Evidence(models.Model):
    """A file that a reporter added: measured here, whatever its sender said."""

    class Kind(models.TextChoices):
        PDF = "pdf"
        IMAGE = "image"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    report = models.ForeignKey(Report, models.CASCADE, related_name="evidence")
    kind = models.CharField(max_length=5, choices=Kind)
    content_type = models.CharField(max_length=40)
    file = models.CharField(max_length=200, unique=True, help_text="The name in the storage.")
    byte_count = models.PositiveBigIntegerField()
    page_count = models.PositiveIntegerField(default=1)
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=database_now)

    class Meta:
        verbose_name_plural = "evidence"
        constraints = [models.UniqueConstraint("report", "sha256", name="evidence_file_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.byte_count} bytes"


class ReporterRecord(models.Model):
    """What became of somebody's reports, and how much the next one therefore weighs. Derived."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="reporter_record")
    actioned = models.PositiveIntegerField(default=0)
    dismissed = models.PositiveIntegerField(default=0)
    computed_at = models.DateTimeField(default=database_now)

    def __str__(self) -> str:
        return f"{self.actioned} of {self.actioned + self.dismissed} actioned"
