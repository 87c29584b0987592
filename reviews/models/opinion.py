from django.db import models
from django.db.models import Q

from reviews.models.review import ReviewRevision
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class ModelOpinion(models.Model):
    """What an outside moderation model says of the text of one revision, or why it says nothing."""

    class State(models.TextChoices):
        WAITING = "waiting"
        ANSWERED = "answered"
        UNAVAILABLE = "unavailable", "not to be had in time"
        STALE = "stale", "of a text that no longer waits"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    revision = models.OneToOneField(ReviewRevision, models.CASCADE, related_name="opinion")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the text that it is about.")
    state = models.CharField(max_length=11, choices=State, default=State.WAITING)
    model = models.CharField(max_length=100, blank=True, default="")
    flagged = models.BooleanField(null=True)
    categories = models.JSONField(default=list, help_text="What it is flagged for.")
    scores = models.JSONField(default=dict, help_text="How sure the model is of each category, 0 to 1.")
    tries = models.PositiveIntegerField(default=0, help_text="How often there was no answer.")
    problem = models.CharField(max_length=40, blank=True, default="", help_text="Why there was none the last time.")
    deadline_at = models.DateTimeField(help_text="Screening waits no longer than this.")
    created_at = models.DateTimeField(default=database_now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="answered", flagged__isnull=False) | (~Q(state="answered") & Q(flagged=None)),
                name="opinion_flagged_if_answered",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at=None) | (~Q(state="waiting") & Q(ended_at__isnull=False)),
                name="opinion_waits_or_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} opinion on revision {self.revision_id}"
