"""What long operations leave behind: that they ran, how far they have come, and what they changed."""

from datetime import timedelta
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Q

from trustengine.database_time import database_now
from trustengine.identifiers import uuid7

# A process says at every batch that it lives. A batch takes seconds, so this long a silence means that it does not.
SILENCE = timedelta(seconds=30)

COUNTS = ("checked", "changed", "unchanged", "kept", "drifted", "fixed", "pending")


class RunQuerySet(models.QuerySet["Run"]):
    def unfinished(self) -> Self:
        """Runs with something left to do, whether somebody is at it or not."""
        return self.filter(state__in=[Run.State.RUNNING, Run.State.INTERRUPTED, Run.State.FAILED])

    def prunable(self) -> Self:
        """Runs that nothing refers to: they have ended, no revert names them, no gauge tells of them."""
        latest = Run.objects.latest_comparisons().values("pk")
        return self.exclude(state=Run.State.RUNNING).exclude(pk__in=latest).filter(revert=None)

    def latest_comparisons(self) -> Self:
        """Of each reconcile target, the last run that compared all of its keys."""
        whole = self.filter(command=Run.Command.RECONCILE, state=Run.State.DONE).exclude(arguments__has_key="since")
        return whole.order_by("target", "-finished_at", "-pk").distinct("target")


class Run(models.Model):
    """One pass of ``backfill`` or ``reconcile`` over the keys of one target.

    ``position`` and ``counts`` are written in the transaction of the batch that they tell
    of, so that whenever the process dies, they say exactly what has been done. Whoever
    works on a run holds its ``token``; taking a run over changes it, and fences off the
    former holder.
    """

    class Command(models.TextChoices):
        BACKFILL = "backfill"
        RECONCILE = "reconcile"

    class State(models.TextChoices):
        RUNNING = "running"
        INTERRUPTED = "interrupted"
        DONE = "done"
        FAILED = "failed"
        REVERTED = "reverted"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    command = models.CharField(max_length=9, choices=Command)
    target = models.CharField(max_length=40)
    arguments = models.JSONField(default=dict, help_text="What it was called with, as far as anything was said.")
    reverts = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="revert", help_text="The run whose changes this one takes back."
    )
    who = models.CharField(max_length=100)
    state = models.CharField(max_length=11, choices=State, default=State.RUNNING)
    token = models.UUIDField(null=True, help_text="What the process that works on it shows at every batch.")
    process = models.CharField(max_length=200, default="", help_text="Which process that is.")
    position = models.CharField(max_length=200, default="", help_text="The last key that is done.")
    counts = models.JSONField(default=dict)
    examples = models.JSONField(default=list)
    problem = models.CharField(max_length=500, default="", help_text="Why it failed.")
    started_at = models.DateTimeField(default=database_now)
    heartbeat_at = models.DateTimeField(default=database_now)
    finished_at = models.DateTimeField(null=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="running", finished_at=None) | (~Q(state="running") & Q(finished_at__isnull=False)),
                name="run_ends_with_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["command", "target", "-finished_at"], name="run_latest"),
            models.Index(fields=["-started_at", "-id"], name="run_newest"),
        ]

    def __str__(self) -> str:
        what = f"revert {self.target}" if self.reverts_id else f"{self.command} {self.target}"
        return f"{what} {self.pk}"

    @property
    def is_silent(self) -> bool:
        """Whether it claims to run, but has not been heard of for longer than a batch takes."""
        return self.state == self.State.RUNNING and database_now() - self.heartbeat_at > SILENCE

    @property
    def counted(self) -> list[tuple[str, int]]:
        """The counts in the order of telling, which jsonb does not keep."""
        return sorted(self.counts.items(), key=lambda each: COUNTS.index(each[0]))

    @property
    def drift(self) -> int:
        """What a reconcile has found wrong and left wrong."""
        return int(self.counts.get("drifted", 0)) - int(self.counts.get("fixed", 0))

    @property
    def revert_id(self) -> UUID | None:
        """The run that takes this one's changes back, if one has begun."""
        return Run.objects.filter(reverts=self.pk).values_list("pk", flat=True).first()


class RunChange(models.Model):
    """What a revertible run has changed about one key; the values exactly as they were, times to the microsecond."""

    run = models.ForeignKey(Run, models.PROTECT, related_name="changes")
    key = models.CharField(max_length=100)
    before = models.JSONField()
    after = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="run_change_one_per_key")]

    def __str__(self) -> str:
        return f"{self.key} by {self.run_id}"
