"""What vendors answer to reviews."""

from typing import Self

from django.db import models
from django.db.models import Q

from orders.models import RemovalGround
from reviews.models.review import Review
from trustengine.accounts.models import Profile, User
from trustengine.database.fields import NormalisedTextField
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7


class VendorReplyQuerySet(models.QuerySet["VendorReply"]):
    def live(self) -> Self:
        """Replies that their vendor has not withdrawn."""
        return self.filter(deleted_at=None)

    def public(self) -> Self:
        """Replies that anyone may read, where the review itself is public."""
        return self.live().filter(status=VendorReply.Status.APPROVED, is_hidden=False, removed_at=None)

    def pending(self) -> Self:
        """Replies with a text that waits for a decision; none comes twice."""
        return self.live().filter(revisions__state=ReplyRevision.State.PENDING)


class VendorReply(models.Model):
    """The vendor's one answer to a review. The row stays when it is withdrawn, and is the same when written anew.

    ``text`` is what is public once approved; an edit of an approved reply waits as a
    ``ReplyRevision`` until it is decided.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    review = models.OneToOneField(Review, models.CASCADE, related_name="reply")
    vendor = models.ForeignKey(Profile, models.PROTECT, related_name="replies")
    text = NormalisedTextField(max_length=5_000)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    edit_count = models.PositiveIntegerField(default=0)
    edited_at = models.DateTimeField(null=True, blank=True, help_text="When the vendor last edited it.")
    is_hidden = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True, blank=True, help_text="Taken down.")
    removal_reason = models.CharField(max_length=40, blank=True, default="", help_text="A code of the catalogue.")
    removal_ground = models.CharField(max_length=7, choices=RemovalGround, blank=True, default="")
    report_count = models.PositiveIntegerField(default=0)
    moderated_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty where a rule decided."
    )
    moderated_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=database_now)
    updated_at = models.DateTimeField(auto_now=True)

    objects = VendorReplyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "vendor replies"
        indexes = [
            models.Index(fields=["vendor", "-created_at"], name="reply_of_vendor"),
            models.Index(fields=["report_count", "id"], name="reply_by_reports"),
        ]

    def __str__(self) -> str:
        return f"reply of {self.vendor_id} to {self.review_id}"

    @property
    def is_public(self) -> bool:
        """The same as ``VendorReplyQuerySet.public``, of this row in memory."""
        return (
            self.status == self.Status.APPROVED
            and not self.is_hidden
            and self.deleted_at is None
            and self.removed_at is None
        )


class ReplyRevision(models.Model):
    """One text that a member of the vendor gave a reply. The first is number 1; at most one is pending."""

    class State(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"
        SUPERSEDED = "superseded"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reply = models.ForeignKey(VendorReply, models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    text = NormalisedTextField(max_length=5_000)
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    signals = models.JSONField(null=True, help_text="What the automatic checks found; empty before they ran.")
    created_at = models.DateTimeField(default=database_now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["reply", "number"]
        constraints = [
            models.UniqueConstraint("reply", "number", name="reply_revision_number_once"),
            models.UniqueConstraint("reply", condition=Q(state="pending"), name="reply_revision_one_pending"),
            models.CheckConstraint(
                condition=Q(state="pending", decided_at=None) | (~Q(state="pending") & Q(decided_at__isnull=False)),
                name="reply_revision_decided_or_pending",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], condition=Q(state="pending"), name="reply_revision_waiting")
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.reply_id}"
