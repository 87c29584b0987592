from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from trustengine.accounts.models import User

START = 50


class Reputation(models.Model):
    """What an author's decided reviews say about them, 0 to 100. Derived; see ``reviews.reputation``."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="reputation")
    score = models.PositiveSmallIntegerField(default=START, validators=[MaxValueValidator(100)])
    consecutive_approved = models.PositiveIntegerField(default=0)
    approved = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    formula_version = models.PositiveSmallIntegerField()
    computed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(score__range=(0, 100)), name="reputation_0_to_100")]

    def __str__(self) -> str:
        return f"{self.score} of 100"
