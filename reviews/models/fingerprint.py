"""What is kept of texts to find copies of them by; see ``reviews.fingerprints``."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from reviews.models.review import Review
from trustengine.database_time import database_now


class ReviewFingerprint(models.Model):
    """The bands of the text that a review was last screened with. It names the revision, so that it can be read."""

    review = models.OneToOneField(Review, models.CASCADE, primary_key=True, related_name="fingerprint")
    revision = models.PositiveIntegerField()
    bands = ArrayField(models.BigIntegerField())
    created_at = models.DateTimeField(default=database_now)

    def __str__(self) -> str:
        return f"fingerprint of {self.review_id}"


class ReviewFingerprintBand(models.Model):
    """One band of one fingerprint: texts that share one are candidates. No foreign key, as there are many.

    The key leads with the band, so that a look-up reads neighbours and stops where it is told.
    """

    pk = models.CompositePrimaryKey("band", "review_id")
    band = models.BigIntegerField()
    review_id = models.UUIDField()

    def __str__(self) -> str:
        return f"{self.band} of {self.review_id}"
