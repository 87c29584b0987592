from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import MD5

from trustengine.database_time import database_now


class StoredAnswerQuerySet(models.QuerySet["StoredAnswer"]):
    def current(self) -> Self:
        """Answers that are still replayed."""
        return self.filter(created_at__gt=_oldest())

    def expired(self) -> Self:
        return self.filter(created_at__lte=_oldest())


class StoredAnswer(models.Model):
    """The 2xx answer to a request with an ``Idempotency-Key``, kept for its repetitions.

    Written in the transaction of the request's effect, so that both exist or neither does.
    The body may hold personal text: it is its caller's, and goes with them.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    path = models.TextField()
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(help_text="SHA-256 of method, query and body.")
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True, help_text="JSON; empty where the answer had no body.")
    standing = models.BinaryField(null=True, help_text="SHA-256 of what the caller might do then.")
    created_at = models.DateTimeField(default=database_now)

    objects = StoredAnswerQuerySet.as_manager()

    class Meta:
        # Of the path a digest: an address may be longer than an index entry.
        constraints = [models.UniqueConstraint("user", "key", MD5("path"), name="storedanswer_once_per_key")]
        indexes = [models.Index(fields=["created_at"], name="storedanswer_created_at")]

    def __str__(self) -> str:
        return f"{self.status} at {self.path}"


class PassedActions(models.Model):
    """When a caller's latest actions under one limit passed, newest first; used while Redis is away."""

    limit = models.CharField(max_length=50)
    caller = models.CharField(max_length=100)
    moments = ArrayField(models.DateTimeField())

    class Meta:
        verbose_name_plural = "passed actions"
        constraints = [models.UniqueConstraint(fields=["limit", "caller"], name="passedactions_one_row_per_caller")]

    def __str__(self) -> str:
        return f"{self.limit} of {self.caller}"


def _oldest() -> datetime:
    return database_now() - timedelta(hours=settings.IDEMPOTENCY_HOURS)
