"""Pictures that belong to a review."""

import secrets

from django.db import models
from django.db.models import Q

from reviews.models.review import Review
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7

FOLDER = "photos"
TOKEN_BYTES = 20
THUMBNAIL_ENDING = "-small.jpg"


def new_name() -> str:
    """A name in the storage that nobody guesses, in one of 256 folders."""
    token = secrets.token_hex(TOKEN_BYTES)
    return f"{FOLDER}/{token[:2]}/{token}.jpg"


def thumbnail_name(name: str) -> str:
    """What the thumbnail of the picture with this name is called."""
    return name.removesuffix(".jpg") + THUMBNAIL_ENDING


class ReviewPhoto(models.Model):
    """A picture as it was measured and encoded on the server. Public once approved, with its review.

    The row is the fact; a file without one is an orphan, which the sweep deletes.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    review = models.ForeignKey(Review, models.CASCADE, related_name="photos")
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    name = models.CharField(max_length=100, unique=True, help_text="Of the file in the storage.")
    has_thumbnail = models.BooleanField(default=False)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField(help_text="Bytes as stored.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file as it was uploaded, in hexadecimal.")
    created_at = models.DateTimeField(default=database_now)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["review", "created_at", "id"]
        constraints = [
            models.UniqueConstraint("review", "digest", name="photo_once_per_review"),
            models.CheckConstraint(
                condition=Q(state="pending", decided_at=None) | (~Q(state="pending") & Q(decided_at__isnull=False)),
                name="photo_decided_or_pending",
            ),
        ]

    def __str__(self) -> str:
        return f"photo {str(self.pk)[-8:]} of {self.review_id}"

    @property
    def files(self) -> list[str]:
        """The names of all that the storage may hold of it."""
        return [self.name, thumbnail_name(self.name)]
