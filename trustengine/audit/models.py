"""The log, the seals over it, and what verifying them found.

Entries and seals are append-only: triggers refuse to change or remove them. Whoever may switch
triggers off is found out by the seals, which are signed with a key that the database never sees.
"""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now

from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


def append_only() -> list[pgtrigger.Trigger]:
    """What keeps a table's rows as they were written."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name="no_truncate",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
        ),
    ]


class Entry(models.Model):
    """One change by a person or a rule. Never updated, never deleted: a trigger refuses.

    Holds ids, codes and digests; no text that a person wrote, so that erasing a person
    never has to touch it.
    """

    class ActorKind(models.TextChoices):
        USER = "user", "person"
        SYSTEM = "system", "system"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    position = models.BigIntegerField(
        unique=True,
        editable=False,
        db_default=models.Func(
            models.Value("audit_entry_positions"), function="nextval", output_field=models.BigIntegerField()
        ),
        help_text="The order of insertion, made by the database. Rolled back changes leave gaps.",
    )
    at = models.DateTimeField(default=database_now)
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
    client_request_id = models.CharField(
        max_length=64, default="", help_text="The id that the client gave the request."
    )
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
            *append_only(),
            pgtrigger.Trigger(
                name="wait_for_seal",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="added"),
                func="INSERT INTO audit_unsealed (position, entry_id) SELECT position, id FROM added; RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_type} {self.object_id}"


class Unsealed(models.Model):
    """An entry that no seal names yet: written by a trigger with the entry, taken away by its seal.

    So what is to be sealed is a fact, and not a guess from positions or times, whose order is
    not the order of commits. Without a foreign key: an entry that vanishes leaves this behind.
    """

    position = models.BigIntegerField(primary_key=True)
    entry_id = models.UUIDField(unique=True)

    class Meta:
        verbose_name_plural = "unsealed"

    def __str__(self) -> str:
        return str(self.entry_id)


class Seal(models.Model):
    """Some entries as they were, bound to the seal before and signed with ``AUDIT_KEY``.

    ``entry_ids`` and ``entry_digests`` belong together pairwise, in the order of the entries'
    positions; ``digest`` covers both, ``hash`` everything but the signature, ``signature`` the hash.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.BigIntegerField(unique=True, help_text="1, 2, 3 and so on, without gaps.")
    sealed_at = models.DateTimeField()
    first_position = models.BigIntegerField()
    last_position = models.BigIntegerField()
    count = models.PositiveIntegerField()
    entry_ids = ArrayField(models.UUIDField())
    entry_digests = ArrayField(models.BinaryField())
    digest = models.BinaryField(max_length=32)
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    signature = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(number__gte=1), name="audit_seal_number")]
        indexes = [
            models.Index(fields=["sealed_at"], name="audit_seal_at"),
            models.Index(fields=["last_position", "first_position"], name="audit_seal_positions"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"seal {self.number}"


class Verification(models.Model):
    """What a verification of the seals found. The seal it came to must be there ever after."""

    at = models.DateTimeField(db_default=Now())
    first_seal = models.BigIntegerField(validators=[MinValueValidator(0)])
    last_seal = models.BigIntegerField(validators=[MinValueValidator(0)], help_text="0: there was none.")
    last_hash = models.BinaryField(max_length=32)
    entries = models.BigIntegerField(validators=[MinValueValidator(0)])
    problems = models.BigIntegerField(validators=[MinValueValidator(0)])
    examples = models.JSONField(default=list, help_text="The first problems, in words.")
    seconds = models.FloatField(validators=[MinValueValidator(0)])

    class Meta:
        indexes = [models.Index(fields=["-at"], name="audit_verification_at")]

    @property
    def is_intact(self) -> bool:
        return self.problems == 0

    def __str__(self) -> str:
        outcome = "intact" if self.is_intact else f"{self.problems:,} problems"
        return f"seals {self.first_seal:,} to {self.last_seal:,}: {outcome}"
