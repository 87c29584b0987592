from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from orders.models import OrderItem, Product, RemovalGround
from reviews.expressions import HelpfulnessBound
from trustengine.accounts.models import User
from trustengine.database.fields import NormalisedCharField, NormalisedTextField
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7
from trustengine.origins import LENGTH
from trustengine.search import WordVector

# The opposite of ``ReviewQuerySet.counted``, in the words of the index over just these.
NOT_COUNTED = (
    ~Q(status="approved")
    | Q(is_hidden=True)
    | Q(deleted_at__isnull=False)
    | Q(restricted_at__isnull=False)
    | Q(removed_at__isnull=False)
    | Q(purchase_refunded_at__isnull=False)
    | Q(quarantined_at__isnull=False)
)


class ReviewQuerySet(models.QuerySet["Review"]):
    def live(self) -> Self:
        """Reviews that their author has not withdrawn."""
        return self.filter(deleted_at=None)

    def public(self) -> Self:
        """Reviews that anyone may read."""
        return self.live().filter(status=Review.Status.APPROVED, is_hidden=False, restricted_at=None, removed_at=None)

    def counted(self) -> Self:
        """Reviews that a product's rating is made of."""
        return self.public().filter(purchase_refunded_at=None, quarantined_at=None)

    def set_apart(self) -> Self:
        """All reviews that are not counted, whyever: few, and found by an index of their own."""
        return self.filter(NOT_COUNTED)

    def pending(self) -> Self:
        """Reviews on which a decision waits: a first text, or a revision of an approved one.

        None comes twice: a constraint allows one pending revision for each.
        """
        return self.live().filter(revisions__state=ReviewRevision.State.PENDING)

    def with_shown(self) -> Self:
        """With what a page shows beside a review: its author's name, the vendor's reply and the photos."""
        related = self.select_related("author__customer_profile", "reply__vendor")
        return related.prefetch_related("photos")

    def visible_to(self, user: User | None) -> Self:
        """Public reviews, one's own, and for moderators all of them."""
        if user is None or not user.is_authenticated:
            return self.public()
        if user.has_perm("reviews.moderate_review"):
            return self.live()
        own = self.live().filter(author=user)
        return self.public() | own


class Review(models.Model):
    """A buyer's verdict on a product, from one item of an order.

    ``rating``, ``title`` and ``comment`` are what is public once approved; an edit of an
    approved review waits as a ``ReviewRevision`` until it is decided.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"

    class Verification(models.TextChoices):
        DELIVERED = "delivered"
        ORDERED = "ordered"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    product = models.ForeignKey(Product, models.PROTECT, related_name="reviews")
    author = models.ForeignKey(User, models.PROTECT, related_name="reviews")
    order_item = models.ForeignKey(OrderItem, models.PROTECT, related_name="reviews")
    rating = models.PositiveSmallIntegerField()
    title = NormalisedCharField(max_length=200, blank=True, default="")
    comment = NormalisedTextField(max_length=10_000, blank=True, default="")
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    verification = models.CharField(max_length=9, choices=Verification)
    purchase = models.JSONField(
        default=dict,
        help_text="The item and its order as they were when this was written.",
    )
    edit_count = models.PositiveIntegerField(default=0)
    edited_at = models.DateTimeField(
        null=True, blank=True, help_text="When its author last edited it; an edit that waits for its decision counts."
    )
    is_hidden = models.BooleanField(default=False)
    restricted_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True, help_text="Taken down; a tombstone names the ground.")
    removal_reason = models.CharField(max_length=40, blank=True, default="", help_text="A code of the catalogue.")
    removal_ground = models.CharField(max_length=7, choices=RemovalGround, blank=True, default="")
    quarantined_at = models.DateTimeField(null=True, blank=True)
    quarantine = models.ForeignKey(
        "reviews.Quarantine",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reviews",
        db_index=False,
        help_text="The last one that kept it out of the rating.",
    )
    purchase_refunded_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    moderated_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty where a rule decided.",
    )
    moderated_at = models.DateTimeField(null=True, blank=True)
    report_count = models.PositiveIntegerField(default=0)
    helpful_votes = models.PositiveIntegerField(default=0)
    unhelpful_votes = models.PositiveIntegerField(default=0)
    helpfulness = models.GeneratedField(
        expression=HelpfulnessBound(), output_field=models.FloatField(), db_persist=True
    )
    created_at = models.DateTimeField(default=database_now)
    updated_at = models.DateTimeField(auto_now=True)
    import_digest = models.BinaryField(null=True, editable=False)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        permissions = [("moderate_review", "May decide on reviews")]
        constraints = [
            models.UniqueConstraint(
                "product",
                "author",
                condition=Q(deleted_at=None),
                name="review_one_live_per_author",
            ),
            models.CheckConstraint(condition=Q(rating__range=(1, 5)), name="review_rating_1_to_5"),
        ]
        indexes = [
            models.Index(
                fields=["product", "-helpfulness", "-created_at", "-id"],
                condition=Q(status="approved", deleted_at=None),
                name="review_helpful",
            ),
            models.Index(fields=["product", "-created_at", "-id"], name="review_newest"),
            GinIndex(WordVector("title", "comment"), name="review_words"),
            models.Index(
                fields=["product", "-rating", "-created_at", "-id"],
                condition=Q(status="approved", deleted_at=None),
                name="review_highest",
            ),
            models.Index(
                fields=["product", "rating", "-created_at", "-id"],
                condition=Q(status="approved", deleted_at=None),
                name="review_lowest",
            ),
            models.Index(fields=["author", "-created_at"], name="review_of_author"),
            models.Index(fields=["report_count", "id"], name="review_by_reports"),
            models.Index(
                fields=["created_at", "id"],
                condition=Q(status="pending", deleted_at=None),
                name="review_pending",
            ),
            models.Index(
                fields=[
                    "status",
                    "is_hidden",
                    "deleted_at",
                    "restricted_at",
                    "removed_at",
                    "purchase_refunded_at",
                    "quarantined_at",
                ],
                condition=NOT_COUNTED,
                name="review_set_apart",
            ),
            models.Index(fields=["quarantine", "id"], condition=Q(quarantine__isnull=False), name="review_quarantined"),
        ]

    def __str__(self) -> str:
        return f"{self.rating}★ {self.title}".strip()

    @property
    def is_edited(self) -> bool:
        return self.edit_count > 0

    @property
    def is_public(self) -> bool:
        """The same as ``ReviewQuerySet.public``, of this row in memory."""
        approved = self.status == self.Status.APPROVED
        return approved and not (self.is_hidden or self.deleted_at or self.restricted_at or self.removed_at)

    @property
    def is_counted(self) -> bool:
        """The same as ``ReviewQuerySet.counted``, of this row in memory."""
        return self.is_public and not (self.purchase_refunded_at or self.quarantined_at)


class ReviewRevision(models.Model):
    """One text and rating that the author gave a review. The first is number 1; at most one is pending."""

    class State(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"
        SUPERSEDED = "superseded"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    review = models.ForeignKey(Review, models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    rating = models.PositiveSmallIntegerField()
    title = NormalisedCharField(max_length=200, blank=True, default="")
    comment = NormalisedTextField(max_length=10_000, blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    created_at = models.DateTimeField(default=database_now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    ip_hash = models.CharField(max_length=LENGTH, blank=True, default="", editable=False)
    agent_hash = models.CharField(max_length=LENGTH, blank=True, default="", editable=False)

    class Meta:
        ordering = ["review", "number"]
        constraints = [
            models.UniqueConstraint("review", "number", name="revision_number_once"),
            models.UniqueConstraint("review", condition=Q(state="pending"), name="revision_one_pending"),
            models.CheckConstraint(condition=Q(rating__range=(1, 5)), name="revision_rating_1_to_5"),
            models.CheckConstraint(
                condition=Q(state="pending", decided_at=None) | (~Q(state="pending") & Q(decided_at__isnull=False)),
                name="revision_decided_or_pending",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at", "id"],
                condition=Q(state="pending"),
                name="revision_waiting",
            ),
            models.Index(fields=["ip_hash", "created_at"], condition=~Q(ip_hash=""), name="revision_by_origin"),
            models.Index(
                fields=["created_at"],
                condition=~Q(ip_hash="") | ~Q(agent_hash=""),
                name="revision_with_origin",
            ),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.review_id}"
