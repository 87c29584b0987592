from django.db import models
from django.db.models import Q

from orders.models import Product
from trustengine.accounts.models import User
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class Quarantine(models.Model):
    """New ratings of a product kept out of its rating until somebody decides. Their texts stay readable.

    ``since`` is when the burst began: what was approved for the first time from then on is
    kept out. The numbers are those that the rule saw; a person may open one without any.
    """

    class State(models.TextChoices):
        OPEN = "open"
        RELEASED = "released"
        DROPPED = "dropped"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    product = models.ForeignKey(Product, models.PROTECT, related_name="quarantines")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    since = models.DateTimeField()
    reason = models.CharField(max_length=24)
    found = models.PositiveIntegerField(null=True, blank=True, help_text="Reviews in the window.")
    expected = models.FloatField(
        null=True, blank=True, help_text="Reviews that the product's own past leads to expect."
    )
    probability = models.FloatField(null=True, blank=True, help_text="Of so many by chance.")
    opened_at = models.DateTimeField(default=database_now)
    opened_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty where a rule did."
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint("product", condition=Q(state="open"), name="quarantine_one_open_per_product"),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None) | (~Q(state="open") & Q(decided_at__isnull=False)),
                name="quarantine_open_or_decided",
            ),
        ]
        indexes = [models.Index(fields=["product", "-decided_at"], name="quarantine_last_decided")]

    def __str__(self) -> str:
        return f"quarantine of {self.product}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN
