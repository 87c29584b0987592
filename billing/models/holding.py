"""What vendors have earned and cannot be paid yet, by the moment at which they can."""

from django.db import models

from orders.models import Order, OrderItem
from trustengine.accounts.models import Profile


class Holding(models.Model):
    """The money of a delivered item that is to be released. The row goes when it is, or when nothing is left of it.

    Derived from the order, like the books. Without a row: not delivered yet, disputed,
    refunded, or released, which the ledger knows.
    """

    item = models.OneToOneField(OrderItem, models.PROTECT, primary_key=True, related_name="+")
    order = models.ForeignKey(Order, models.PROTECT, related_name="+")
    profile = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    release_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["release_at", "item"], name="holding_next"),
            models.Index(fields=["profile", "release_at"], name="holding_of_profile"),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} until {self.release_at:%Y-%m-%d %H:%M}"
