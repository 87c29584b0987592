"""What vendors sell, and on which terms."""

from typing import Any, Self

import pgtrigger
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


# The opposite of ``ProductQuerySet.shown``, in the words of the index over just these.
MODERATED = Q(is_hidden=True) | Q(removed_at__isnull=False)
# A change of any of these is another version of the listing: its reviews, or a takedown, were about the former one.
LISTING = ("title", "description", "currency", "is_active")


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
    def shown(self) -> Self:
        """Products that no moderator has taken out of view, on offer or not."""
        return self.filter(is_hidden=False, removed_at=None)

    def moderated(self) -> Self:
        """Products that a moderator has hidden or removed."""
        return self.filter(MODERATED)

    def active(self) -> Self:
        """Products that anyone may see and buy."""
        return self.shown().filter(is_active=True)

    def sold_by(self, user: User) -> Self:
        """Products of every vendor that a user is a member of, on offer or not."""
        return self.filter(vendor__in=Profile.objects.vendors().of(user))


class RemovalGround(models.TextChoices):
    """On which ground moderators took something down for good."""

    ILLEGAL = "illegal"
    TERMS = "terms"


class Product(models.Model):
    """Something a vendor sells.

    ``is_active`` is the vendor's: whether it is on offer. ``is_hidden`` and ``removed_*`` are the
    moderators': whatever the vendor does, only ``orders.services.moderation`` changes them.
    """

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
    is_active = models.BooleanField(default=True, help_text="Whether the vendor offers it.")
    is_hidden = models.BooleanField(default=False, help_text="Taken out of view by a moderator.")
    removed_at = models.DateTimeField(null=True, blank=True, help_text="Taken down; a tombstone names the ground.")
    removal_reason = models.CharField(max_length=40, blank=True, default="", help_text="A code of the catalogue.")
    removal_ground = models.CharField(max_length=7, choices=RemovalGround, blank=True, default="")
    listing_version = models.PositiveIntegerField(
        default=1, editable=False, help_text="Moved by a trigger with each change of what the listing says."
    )
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
            models.CheckConstraint(
                condition=Q(removed_at=None, removal_reason="", removal_ground="")
                | (Q(removed_at__isnull=False) & ~Q(removal_ground="")),
                name="product_removed_on_a_ground",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="product_newest"),
            models.Index(fields=["price_cents", "id"], name="product_price"),
            models.Index(fields=["report_count", "id"], name="product_by_reports"),
            models.Index(fields=["vendor", "-created_at", "-id"], name="product_of_vendor"),
            GinIndex(WordVector("title", "description"), name="product_words"),
            models.Index(fields=["vendor", "id"], condition=MODERATED, name="product_moderated"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="keep_former_listing",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf(*LISTING),
                condition=pgtrigger.AnyChange(*LISTING),
                func="""
                    INSERT INTO orders_formerlisting
                        (product_id, number, title, description, currency, is_active, replaced_at)
                    VALUES (OLD.id, OLD.listing_version, OLD.title, OLD.description, OLD.currency, OLD.is_active,
                        clock_timestamp());
                    NEW.listing_version = OLD.listing_version + 1;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def available(self) -> int | None:
        """Pieces that may still be sold; None where stock is not tracked."""
        return None if self.stock is None else self.stock - self.reserved

    @property
    def is_moderated(self) -> bool:
        """The same as ``ProductQuerySet.moderated``, of this row in memory."""
        return self.is_hidden or self.removed_at is not None

    @property
    def is_offered(self) -> bool:
        """The same as ``ProductQuerySet.active``, of this row in memory."""
        return self.is_active and not self.is_moderated

    @property
    def tombstone(self) -> dict[str, Any]:
        """What is left of a removed product: the reason, the ground, and when it was taken down."""
        return {"reason": self.removal_reason, "ground": self.removal_ground, "at": self.removed_at}


class FormerListing(models.Model):
    """What a product's listing said until it was changed: written by a trigger, whatever changes the product."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="former_listings")
    number = models.PositiveIntegerField(help_text="Which version of the listing this was.")
    title = NormalisedCharField(max_length=200)
    description = NormalisedTextField(max_length=LONGEST_DESCRIPTION, blank=True, default="")
    currency = models.CharField(max_length=3)
    is_active = models.BooleanField()
    replaced_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("product", "number", name="former_listing_number_once")]

    def __str__(self) -> str:
        return f"version {self.number} of {self.product_id}"
