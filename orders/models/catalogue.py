"""What vendors sell, and on which terms."""

from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from trustengine.accounts.models import Profile, User
from trustengine.database.fields import NormalisedCharField, NormalisedTextField
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7
from trustengine.search import WordVector

LONGEST_DESCRIPTION = 20_000
MOST_STOCK = 2**31 - 1
MOST_CENTS = 10**12  # so that a full cart of the dearest products still fits into a bigint


class VendorTerms(models.Model):
    """What the marketplace has agreed with a vendor."""

    profile = models.OneToOneField(Profile, models.PROTECT, primary_key=True, related_name="terms")
    fee_bps = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Basis points; empty for the default.")

    class Meta:
        verbose_name_plural = "vendor terms"
        permissions = [("set_fee", "May set vendors' fees")]
        constraints = [models.CheckConstraint(condition=Q(fee_bps__lte=10_000), name="terms_fee_at_most_all")]

    def __str__(self) -> str:
        return f"terms of {self.profile}"


class ProductQuerySet(models.QuerySet["Product"]):
    def active(self) -> Self:
        """Products that anyone may see and buy."""
        return self.filter(is_active=True)

    def sold_by(self, user: User) -> Self:
        """Products of every vendor that a user is a member of, on offer or not."""
        return self.filter(vendor__in=Profile.objects.vendors().of(user))


class Product(models.Model):
    """Something a vendor sells."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    vendor = models.ForeignKey(Profile, models.PROTECT, related_name="products")
    title = NormalisedCharField(max_length=200)
    description = NormalisedTextField(blank=True, default="", max_length=LONGEST_DESCRIPTION)
    price_cents = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    stock = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Pieces on hand; empty where stock is not tracked.",
    )
    reserved = models.PositiveIntegerField(default=0, editable=False, help_text="Of these, held by open checkouts.")
    is_active = models.BooleanField(default=True)
    report_count = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=database_now)
    updated_at = models.DateTimeField(auto_now=True)
    import_digest = models.BinaryField(null=True, editable=False)

    objects = ProductQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(currency__regex="^[A-Z]{3}$"),
                name="product_currency_is_iso_4217",
            ),
            models.CheckConstraint(
                condition=Q(stock=None) | Q(reserved__lte=F("stock")),
                name="product_never_oversold",
                violation_error_message="More pieces are reserved than there are.",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="product_newest"),
            models.Index(fields=["price_cents", "id"], name="product_price"),
            models.Index(fields=["vendor", "-created_at", "-id"], name="product_of_vendor"),
            GinIndex(WordVector("title", "description"), name="product_words"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def available(self) -> int | None:
        """Pieces that may still be sold; None where stock is not tracked."""
        return None if self.stock is None else self.stock - self.reserved
