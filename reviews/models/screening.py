from django.db import models

from reviews.models.review import ReviewRevision
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class Screening(models.Model):
    """What the automatic checks found in one revision, and what followed from it."""

    class Verdict(models.TextChoices):
        APPROVE = "approve"
        QUEUE = "queue"
        REJECT = "reject"
        RESTRICT = "restrict"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    revision = models.OneToOneField(ReviewRevision, models.CASCADE, related_name="screening")
    verdict = models.CharField(max_length=8, choices=Verdict)
    signals = models.JSONField(default=list, help_text="Named findings, each with a weight and a sentence.")
    score = models.FloatField(default=0, help_text="What the signals come to together, 0 to 1.")
    policy_version = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=database_now)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="screening_by_time")]

    def __str__(self) -> str:
        return f"{self.verdict}, {len(self.signals)} signals"
