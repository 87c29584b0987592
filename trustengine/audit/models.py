import pgtrigger
from django.db import models
from django.utils import timezone

from trustengine.identifiers import uuid7


class Entry(models.Model):
    """One change by a person or a rule. Never updated, never deleted: a trigger refuses.

    Holds ids, codes and digests; no text that a person wrote, so that erasing a person
    never has to touch it.
    """

    class ActorKind(models.TextChoices):
        USER = "user", "person"
        SYSTEM = "system", "system"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(default=timezone.now)
    actor_kind = models.CharField(max_length=6, choices=ActorKind)
    actor_id = models.UUIDField(
        null=True,
        help_text="The person's user id; without a foreign key, so that it outlives them.",
    )
    verb = models.CharField(max_length=80)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=80)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(max_length=80, default="")
    request_id = models.CharField(max_length=64, default="")
    job_id = models.UUIDField(null=True)

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(actor_kind="user", actor_id__isnull=False)
                | models.Q(actor_kind="system", actor_id__isnull=True),
                name="audit_actor",
            )
        ]
        indexes = [
            models.Index(fields=["object_type", "object_id", "at"], name="audit_object"),
            models.Index(fields=["actor_id", "at"], name="audit_actor_at"),
            models.Index(fields=["verb", "at"], name="audit_verb_at"),
            models.Index(fields=["at", "id"], name="audit_at"),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="no_truncate",
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                operation=pgtrigger.Truncate,
                func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_type} {self.object_id}"
