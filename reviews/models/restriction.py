"""Reviews that are shown to their author and to moderators only, and why."""

from typing import Self

from django.db import models
from django.db.models import F, Q

from reviews.models.review import Review
from trustengine.accounts.models import User
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class RestrictionQuerySet(models.QuerySet["Restriction"]):
    def active(self) -> Self:
        """Restrictions that have not been lifted."""
        return self.filter(lifted_at=None)


class Restriction(models.Model):
    """A decision that keeps a review out of public view; ``Review.restricted_at`` follows the active one.

    Article 17 of the Digital Services Act asks for a statement of reasons; its second
    paragraph excepts deceptive high-volume commercial content, and nothing else.
    """

    class Ground(models.TextChoices):
        DECEPTIVE_HIGH_VOLUME_COMMERCIAL = (
            "deceptive_high_volume_commercial",
            "It is part of deceptive commercial content that is spread in large numbers.",
        )
        MANIPULATED_RATING = (
            "manipulated_rating",
            "It looks like part of an attempt to move the rating of a product.",
        )
        UNVERIFIED_CLAIM = (
            "unverified_claim",
            "It makes a serious claim about somebody that is being looked into.",
        )
        LEGAL_ORDER = ("legal_order", "A court or an authority has ordered it.")
        ACCOUNT_UNDER_REVIEW = (
            "account_under_review",
            "Your account is being looked into.",
        )

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    review = models.ForeignKey(Review, models.CASCADE, related_name="restrictions")
    ground = models.CharField(max_length=32, choices=Ground)
    is_notified = models.BooleanField(default=True, help_text="Whether the author is told.")
    imposed_at = models.DateTimeField(default=database_now)
    imposed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty where it expired."
    )

    objects = RestrictionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("review", condition=Q(lifted_at=None), name="restriction_one_active"),
            models.CheckConstraint(
                condition=Q(is_notified=True) | Q(ground="deceptive_high_volume_commercial"),
                name="restriction_silent_only_where_excepted",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("imposed_at")), name="restriction_expires_later"
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(lifted_at=None, expires_at__isnull=False),
                name="restriction_expiring",
            )
        ]

    def __str__(self) -> str:
        return f"{self.ground} of {self.review_id}"

    @property
    def sentence(self) -> str:
        """The ground as the author is told it."""
        return str(self.Ground(self.ground).label)
