"""Paying vendors: batches that two people let pass, the payouts in them, and the ledger's entries that each one pays.

An entry of a vendor's available account is paid by at most one live line. What fails, comes
back or is cancelled lets its lines go: they stay as history, and the entries are free for
the next batch.
"""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from billing.models.ledger import LedgerEntry
from trustengine.accounts.models import Profile, User
from trustengine.database.fields import NormalisedCharField
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7

# An account number in clear has no business here: IBANs, and bare numbers of accounts and cards.
BANK_DATA = r"^([A-Za-z]{2}\d{2}[ A-Za-z0-9]{11,34}|[\d -]{6,})$"
REFERENCE = r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{3,119}$"


class PayoutDestination(models.Model):
    """Where a vendor's money goes: an opaque reference of the bank's or provider's, never an account number."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    profile = models.OneToOneField(Profile, models.PROTECT, related_name="+")
    reference = NormalisedCharField(max_length=120, help_text="Such as acct_1Q8hKd2eZvKY; no IBAN and no card number.")
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    set_at = models.DateTimeField(default=database_now)
    usable_from = models.DateTimeField(
        null=True, blank=True, help_text="A changed destination is paid to from then on; empty: it never changed."
    )

    class Meta:
        permissions = [
            ("set_destination", "May say where a vendor's money goes"),
            ("approve_destination", "May approve a destination that somebody else changed"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(reference__regex=REFERENCE), name="destination_is_a_reference"),
            models.CheckConstraint(condition=~Q(reference__regex=BANK_DATA), name="destination_is_no_bank_account"),
        ]

    def __str__(self) -> str:
        return self.reference


class DestinationChange(models.Model):
    """A destination that somebody set. A vendor's first one holds at once; each later one takes a second person."""

    class State(models.TextChoices):
        PROPOSED = "proposed"
        APPROVED = "approved"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    profile = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    before = NormalisedCharField(max_length=120, blank=True, default="", help_text="Empty: the vendor's first one.")
    reference = NormalisedCharField(max_length=120)
    state = models.CharField(max_length=9, choices=State, default=State.PROPOSED)
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(db_default=Now())
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(reference__regex=REFERENCE), name="change_is_a_reference"),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_by=None, decided_at=None)
                | Q(state="approved", before="", decided_by=None)
                | Q(state="approved", decided_by__isnull=False, decided_at__isnull=False)
                & ~Q(decided_by=F("proposed_by"))
                | Q(state__in=["refused", "withdrawn"], decided_by__isnull=False, decided_at__isnull=False),
                name="change_approved_by_another",
            ),
            models.UniqueConstraint("profile", condition=Q(state="proposed"), name="change_one_waits"),
        ]
        indexes = [models.Index(fields=["profile", "reference"], name="change_of_profile")]

    def __str__(self) -> str:
        return f"{self.reference} ({self.state})"


class PayoutBatch(models.Model):
    """Payouts in one currency that are let pass and sent together.

    draft → approved by a second person (the money leaves the available accounts) → exported
    (the file is made, and stays) → paid, partly paid or failed, once each payout has ended.
    A draft, and what is approved and not exported, can be cancelled.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        APPROVED = "approved"
        EXPORTED = "exported"
        PAID = "paid"
        PARTLY_PAID = "partly_paid"
        FAILED = "failed"
        CANCELLED = "cancelled"

    ENDED = (State.PAID, State.PARTLY_PAID, State.FAILED, State.CANCELLED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=11, choices=State, default=State.DRAFT)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=database_now)
    approved_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    exported_at = models.DateTimeField(null=True, blank=True)
    export = models.TextField(blank=True, default="", help_text="The file as it was first handed out.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "payout batches"
        permissions = [
            ("prepare_payout", "May draft, export and settle payouts"),
            ("approve_payout", "May approve payouts that somebody else drafted"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(currency__regex="^[A-Z]{3}$"), name="payout_batch_currency_is_iso_4217"),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("created_by")), name="payout_approved_by_another"
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None, approved_at=None)
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="payout_approval_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "cancelled"]) | Q(approved_by__isnull=False),
                name="payout_needs_approval",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "approved", "cancelled"]) | Q(exported_at__isnull=False),
                name="payout_needs_export",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["paid", "partly_paid", "failed", "cancelled"], ended_at__isnull=False)
                | Q(state__in=["draft", "approved", "exported"], ended_at=None),
                name="payout_batch_ended_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="payout_batch_newest"),
            models.Index(
                fields=["created_at", "id"],
                condition=Q(state__in=["draft", "approved", "exported"]),
                name="payout_batch_open",
            ),
        ]

    def __str__(self) -> str:
        return f"batch {str(self.pk)[-8:]} · {self.currency}"

    @property
    def is_open(self) -> bool:
        return self.state not in self.ENDED


class PayoutQuerySet(models.QuerySet["Payout"]):
    def visible_to(self, user: User) -> Self:
        """Payouts of the user's vendors, from the moment at which the money was set aside for them."""
        return self.filter(profile__in=Profile.objects.vendors().of(user), booked_at__isnull=False)


class Payout(models.Model):
    """What a vendor is paid in a batch: the sum of its lines. Destination and payee are as they were at the draft."""

    class State(models.TextChoices):
        DRAFT = "draft"
        APPROVED = "approved"
        EXPORTED = "exported"
        PAID = "paid"
        FAILED = "failed"
        RETURNED = "returned"
        CANCELLED = "cancelled"

    class DestinationNote(models.TextChoices):
        NEW = "new", "not paid to before"
        CHANGED = "changed", "changed since the last payout"

    LIVE = (State.DRAFT, State.APPROVED, State.EXPORTED, State.PAID)
    UNDER_WAY = (State.DRAFT, State.APPROVED, State.EXPORTED)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    batch = models.ForeignKey(PayoutBatch, models.PROTECT, related_name="payouts", db_index=False)
    profile = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    payee = NormalisedCharField(max_length=120)
    destination = models.CharField(max_length=120)
    destination_note = models.CharField(
        max_length=7, choices=DestinationNote, blank=True, default="", help_text="Beside the vendor's payout before."
    )
    currency = models.CharField(max_length=3)
    amount_cents = models.BigIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.DRAFT)
    reference = NormalisedCharField(max_length=80, blank=True, default="", help_text="The bank's or provider's.")
    failure = models.CharField(max_length=40, blank=True, default="", help_text="Why it failed or came back: a code.")
    created_at = models.DateTimeField(default=database_now)
    booked_at = models.DateTimeField(null=True, blank=True, help_text="When the money was set aside for it.")
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = PayoutQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("batch", "profile", name="payout_once_in_a_batch"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="payout_pays_something"),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "cancelled"]) | Q(booked_at__isnull=False), name="payout_is_booked"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "approved", "exported"], settled_at=None)
                | Q(state__in=["paid", "failed", "returned", "cancelled"], settled_at__isnull=False),
                name="payout_settled_or_under_way",
            ),
        ]
        indexes = [models.Index(fields=["profile", "-created_at", "-id"], name="payout_of_profile")]

    def __str__(self) -> str:
        return f"payout {str(self.pk)[-8:]}"


class PayoutLine(models.Model):
    """An entry of the vendor's available account that a payout pays: ``is_live`` until it fails or is cancelled."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    payout = models.ForeignKey(Payout, models.PROTECT, related_name="lines", db_index=False)
    entry = models.ForeignKey(LedgerEntry, models.PROTECT, related_name="payout_lines", db_index=False)
    profile = models.ForeignKey(
        Profile, models.PROTECT, related_name="+", db_index=False, help_text="The payout's, for the wall."
    )
    amount_cents = models.BigIntegerField()
    is_live = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("entry", condition=Q(is_live=True), name="payout_line_entry_in_one_live_batch"),
            models.UniqueConstraint("payout", "entry", name="payout_line_once"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_cents} of {self.payout_id}"


class PayoutSkip(models.Model):
    """A vendor whom a draft passed over, and why. ``amount_cents`` is what it would have been paid."""

    class Reason(models.TextChoices):
        BELOW_MINIMUM = "below_minimum", "below the minimum"
        NEGATIVE = "negative", "refunds exceed what was earned"
        DISPUTED = "disputed", "held while payments are disputed"
        NO_DESTINATION = "no_destination", "no destination is known"
        RESTING = "resting", "the destination was changed a short time ago"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    batch = models.ForeignKey(PayoutBatch, models.PROTECT, related_name="skips", db_index=False)
    profile = models.ForeignKey(Profile, models.PROTECT, related_name="+", db_index=False)
    reason = models.CharField(max_length=14, choices=Reason)
    amount_cents = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint("batch", "profile", name="payout_skip_once")]

    def __str__(self) -> str:
        return f"{self.profile_id}: {self.reason}"
