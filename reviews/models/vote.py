"""Votes and their sharded counts.

Neither table has a foreign key to the review: every vote would share-lock one viral
row. Both keys lead with the review, so the rows of one review lie together and could
be spread over machines by it.
"""

import hashlib
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils import timezone

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
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    import_digest = models.BinaryField(null=True, editable=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(shard__lt=SHARDS), name="vote_shard_below_64")]
        indexes = [models.Index(fields=["user_id", "review_id"], name="vote_of_user")]

    def __str__(self) -> str:
        return f"{'helpful' if self.helpful else 'unhelpful'} for {self.review_id}"


class ReviewVoteShard(models.Model):
    """One sixty-fourth of a review's vote counts. A negative count would hide an error, so it is refused."""

    pk = models.CompositePrimaryKey("review_id", "shard")
    review_id = models.UUIDField()
    shard = models.PositiveSmallIntegerField()
    helpful = models.PositiveIntegerField(default=0)
    unhelpful = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(shard__lt=SHARDS), name="shard_below_64"),
            models.CheckConstraint(condition=Q(helpful__gte=0, unhelpful__gte=0), name="shard_not_negative"),
        ]

    def __str__(self) -> str:
        return f"shard {self.shard} of {self.review_id}"
