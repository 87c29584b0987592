"""Votes and their sharded counts.

Neither table has a foreign key to the review: every vote would share-lock one viral
row. Both keys lead with the review, so the rows of one review lie together and could
be spread over machines by it.
"""

import hashlib
from datetime import timedelta
from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from trustengine.database_time import database_now
from trustengine.origins import LENGTH

SHARDS = 64


def shard_of(user_id: UUID) -> int:
    """The shard that counts a user's votes: stable, and even over users (BLAKE2b of the id)."""
    return hashlib.blake2b(user_id.bytes, digest_size=1).digest()[0] % SHARDS


class ReviewVote(models.Model):
    """A user finds a review helpful or not. The row is the fact; shards and totals follow from it."""

    pk = models.CompositePrimaryKey("review_id", "user_id")
    review_id = models.UUIDField()
    user_id = models.UUIDField()
    helpful = models.BooleanField()
    previous = models.BooleanField(null=True, help_text="What the last change replaced.")
    shard = models.PositiveSmallIntegerField(help_text="Where it is counted, so that a change meets the same shard.")
    counts = models.BooleanField(db_default=True, help_text="False while the voter is suspended.")
    ip_hash = models.CharField(max_length=LENGTH, db_default="", editable=False)
    agent_hash = models.CharField(max_length=LENGTH, db_default="", editable=False)
    created_at = models.DateTimeField(default=database_now)
    updated_at = models.DateTimeField(default=database_now)
    import_digest = models.BinaryField(null=True, editable=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(shard__lt=SHARDS), name="vote_shard_below_64")]
        indexes = [
            models.Index(fields=["user_id", "review_id"], name="vote_of_user"),
            models.Index(fields=["updated_at"], condition=~Q(ip_hash="") | ~Q(agent_hash=""), name="vote_with_origin"),
        ]

    def __str__(self) -> str:
        return f"{'helpful' if self.helpful else 'unhelpful'} for {self.review_id}"


class ReviewVoteShard(models.Model):
    """One sixty-fourth of a review's vote counts. A negative count would hide an error, so it is refused.

    ``actions`` only grows: the pace at which a review is voted on shows in it, switches
    and withdrawals included.
    """

    pk = models.CompositePrimaryKey("review_id", "shard")
    review_id = models.UUIDField()
    shard = models.PositiveSmallIntegerField()
    helpful = models.PositiveIntegerField(default=0)
    unhelpful = models.PositiveIntegerField(default=0)
    actions = models.PositiveBigIntegerField(db_default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(shard__lt=SHARDS), name="shard_below_64"),
            models.CheckConstraint(condition=Q(helpful__gte=0, unhelpful__gte=0), name="shard_not_negative"),
        ]

    def __str__(self) -> str:
        return f"shard {self.shard} of {self.review_id}"


class ReviewHeatQuerySet(models.QuerySet["ReviewHeat"]):
    def viral(self) -> Self:
        """Reviews whose folds are spaced at present."""
        return self.filter(next_fold_at__gt=database_now() - timedelta(seconds=settings.VIRAL_FOLD_SECONDS))


class ReviewHeat(models.Model):
    """How fast a review is being voted on, as its folds measure it. Votes read it and never write it.

    Derived and expendable: without a row a review is not viral, and the next fold begins to measure.
    """

    review_id = models.UUIDField(primary_key=True)
    actions = models.PositiveBigIntegerField(help_text="Of all shards, when the present measurement began.")
    measured_at = models.DateTimeField(help_text="When the present measurement began.")
    votes_per_second = models.FloatField(default=0)
    viral_since = models.DateTimeField(null=True, blank=True)
    next_fold_at = models.DateTimeField(null=True, blank=True, help_text="Set while the review is viral.")

    objects = ReviewHeatQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "review heat"
        indexes = [models.Index(fields=["measured_at"], name="heat_measured")]

    def __str__(self) -> str:
        return f"{self.votes_per_second:.1f} votes a second"
