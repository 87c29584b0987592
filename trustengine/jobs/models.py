from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class JobQuerySet(models.QuerySet["Job"]):
    def due(self) -> Self:
        """Jobs that a worker may claim now."""
        return self.filter(state=Job.State.READY, run_at__lte=Now())

    def open(self) -> Self:
        """Jobs whose effect is still to come, whether they wait, run or are dead letters."""
        return self.exclude(state=Job.State.DONE)


class Job(models.Model):
    """One piece of work that was asked for in a committed transaction.

    Delivered at least once; its effects happen exactly once, because the handler's
    transaction also holds the completion, fenced by ``lease_token``. What runs ``together``
    is taken in that transaction, too, and needs no lease.
    """

    class State(models.TextChoices):
        READY = "ready"
        RUNNING = "running"
        DONE = "done"
        DEAD = "dead"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=100)
    args = models.JSONField(default=dict)
    key = models.CharField(
        max_length=200,
        default="",
        help_text="What a coalesced job is about; empty for others.",
    )
    priority = models.SmallIntegerField(default=5, help_text="0 is the most urgent, 9 the least.")
    state = models.CharField(max_length=7, choices=State, default=State.READY)
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField()
    run_at = models.DateTimeField(db_default=Now())
    claimed_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    error_details = models.JSONField(null=True)
    job_result = models.JSONField(null=True)
    dead_letter_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=database_now)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        permissions = [("operate_job", "Can retry and bury jobs")]
        constraints = [
            models.CheckConstraint(condition=Q(priority__range=(0, 9)), name="job_priority_0_to_9"),
            models.CheckConstraint(
                condition=Q(
                    state="running",
                    lease_token__isnull=False,
                    lease_until__isnull=False,
                )
                | (~Q(state="running") & Q(lease_token=None, lease_until=None)),
                name="job_lease_while_running",
            ),
        ]
        indexes = [
            models.Index(
                fields=["kind", "priority", "run_at"],
                condition=Q(state="ready"),
                name="job_claim",
            ),
            models.Index(
                fields=["kind", "key"],
                condition=Q(state__in=["ready", "running", "dead"]),
                name="job_open_key",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(state="running"),
                name="job_expired_lease",
            ),
            models.Index(fields=["finished_at"], condition=Q(state="done"), name="job_prune"),
            models.Index(
                fields=["dead_letter_at"],
                condition=Q(state="dead"),
                name="job_dead_letter",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}".strip()

    @property
    def waited(self) -> timedelta | None:
        """How long a due job has been waiting; None for one that is not."""
        if self.state != self.State.READY:
            return None
        return max(database_now() - self.run_at, timedelta())


class CronSlot(models.Model):
    """One scheduled moment that has been turned into a job: its uniqueness stops a second scheduler."""

    schedule = models.CharField(max_length=100)
    slot = models.DateTimeField()
    created_at = models.DateTimeField(default=database_now)

    class Meta:
        constraints = [models.UniqueConstraint("schedule", "slot", name="cron_slot_once")]

    def __str__(self) -> str:
        return f"{self.schedule} at {self.slot:%Y-%m-%d %H:%M}"
