"""The double-entry ledger. Its rows are append-only: a mistake is put right by a transaction that reverses it.

Amounts are signed integers in the minor unit of their currency: positive is what the
marketplace owes (a credit), negative what it holds or is owed (a debit). The entries of a
transaction add up to zero in each currency; a deferred constraint trigger refuses the
commit otherwise.
"""

import pgtrigger
from django.db import models
from django.db.models import Q

from orders.models import Order, OrderItem
from trustengine.accounts.models import Profile
from trustengine.audit.models import append_only
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7

# Runs at the commit, when the block that looked past the wall has ended: so it looks past it itself.
BALANCED = """
PERFORM set_config('trustengine.every_row', 'on', true);
SELECT t.key INTO broken FROM billing_ledgertransaction t
WHERE t.id = {transaction} AND (
    t.entry_count <> (SELECT count(*) FROM billing_ledgerentry e WHERE e.transaction_id = t.id)
    OR EXISTS (
        SELECT FROM billing_ledgerentry e WHERE e.transaction_id = t.id
        GROUP BY e.currency HAVING sum(e.amount_cents) <> 0
    )
);
PERFORM set_config('trustengine.every_row', before, true);
IF broken IS NOT NULL THEN
    RAISE EXCEPTION 'ledger transaction % does not balance', broken USING ERRCODE = 'integrity_constraint_violation';
END IF;
RETURN NULL;
"""


def balanced(transaction: str) -> pgtrigger.Trigger:
    """What keeps a transaction's entries complete and adding up to zero, looked at when the commit comes."""
    return pgtrigger.Trigger(
        name="balanced",
        level=pgtrigger.Row,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        declare=[
            ("before", "text := coalesce(current_setting('trustengine.every_row', true), '')"),
            ("broken", "text"),
        ],
        func=BALANCED.format(transaction=transaction),
    )


class LedgerAccount(models.Model):
    """Where money stands: with a vendor, in one of four stages, or with the platform. One for each currency.

    ``balance_cents`` is derived: the sum of the account's entries, moved together with them.
    """

    class Kind(models.TextChoices):
        VENDOR_PENDING = "vendor_pending", "earned, not yet released"
        VENDOR_AVAILABLE = "vendor_available", "may be paid out"
        VENDOR_IN_PAYOUT = "vendor_in_payout", "in a payout under way"
        VENDOR_RECEIVABLE = "vendor_receivable", "owed by the vendor"
        PLATFORM_FEES = "platform_fees", "fees of the platform"
        PROCESSOR_CLEARING = "processor_clearing", "held by the payment processor"

    OF_VENDOR = (Kind.VENDOR_PENDING, Kind.VENDOR_AVAILABLE, Kind.VENDOR_IN_PAYOUT, Kind.VENDOR_RECEIVABLE)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    profile = models.ForeignKey(
        Profile, models.PROTECT, null=True, related_name="+", db_index=False, help_text="Empty: the platform's own."
    )
    kind = models.CharField(max_length=18, choices=Kind)
    currency = models.CharField(max_length=3)
    balance_cents = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint("profile", "kind", "currency", nulls_distinct=False, name="ledger_account_once"),
            models.CheckConstraint(condition=Q(currency__regex="^[A-Z]{3}$"), name="ledger_currency_is_iso_4217"),
            models.CheckConstraint(
                condition=Q(kind__startswith="vendor_", profile__isnull=False)
                | ~Q(kind__startswith="vendor_") & Q(profile=None),
                name="ledger_account_has_owner",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["vendor_available", "vendor_in_payout"]) | Q(balance_cents__gte=0),
                name="ledger_never_pays_what_is_not_there",
            ),
            models.CheckConstraint(
                condition=~Q(kind="vendor_receivable") | Q(balance_cents__lte=0), name="ledger_receivable_is_owed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.profile or 'platform'} · {self.currency}"


class LedgerTransaction(models.Model):
    """One event of business, booked once: ``key`` names the event, and nothing is booked twice for it."""

    class Kind(models.TextChoices):
        ORDER_PAID = "order_paid"
        ITEM_RELEASED = "item_released"
        REFUND = "refund"
        REFUND_REVERSED = "refund_reversed"
        CHARGEBACK = "chargeback"
        CHARGEBACK_WON = "chargeback_won"
        RECEIVABLE_SETTLED = "receivable_settled"
        PAYOUT = "payout"
        PAYOUT_PAID = "payout_paid"
        PAYOUT_FAILED = "payout_failed"
        CORRECTION = "correction"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=120, unique=True, help_text="The event that was booked, such as paid:ORDER.")
    kind = models.CharField(max_length=18, choices=Kind)
    order = models.ForeignKey(Order, models.PROTECT, null=True, related_name="+", db_index=False)
    entry_count = models.PositiveIntegerField(help_text="How many entries it has; none can be added later.")
    occurred_at = models.DateTimeField(help_text="When the event happened.")
    booked_at = models.DateTimeField(default=database_now)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(entry_count__gte=2), name="ledger_double_entry")]
        indexes = [
            models.Index(fields=["order", "kind"], name="ledger_of_order"),
            models.Index(fields=["-booked_at", "-id"], name="ledger_newest"),
        ]
        triggers = [*append_only(), balanced("NEW.id")]

    def __str__(self) -> str:
        return self.key


class LedgerEntry(models.Model):
    """An amount on one account. ``balance_after_cents`` is not kept: it is a window over the entries."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    transaction = models.ForeignKey(LedgerTransaction, models.PROTECT, related_name="entries")
    account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="entries", db_index=False)
    profile = models.ForeignKey(
        Profile, models.PROTECT, null=True, related_name="+", db_index=False, help_text="The account's, for the wall."
    )
    item = models.ForeignKey(OrderItem, models.PROTECT, null=True, related_name="+", db_index=False)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    booked_at = models.DateTimeField(default=database_now)

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [models.CheckConstraint(condition=~Q(amount_cents=0), name="ledger_entry_moves_something")]
        indexes = [
            models.Index(fields=["account", "-booked_at", "-id"], name="ledger_entry_of_account"),
            models.Index(fields=["profile", "-booked_at", "-id"], name="ledger_entry_of_profile"),
            models.Index(fields=["item"], condition=Q(item__isnull=False), name="ledger_entry_of_item"),
        ]
        triggers = [*append_only(), balanced("NEW.transaction_id")]

    def __str__(self) -> str:
        return f"{self.amount_cents} {self.currency}"
