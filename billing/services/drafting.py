"""Drawing up payouts. Locks: batch → payouts by id → ledger accounts by id.

A draft takes what is free on the available accounts of one currency. It holds these
accounts while it looks, so bookings and other drafts come before it or after it, never in
between. What it takes stays on the accounts until the draft is approved.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.errors import NothingDue
from billing.models import (
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    Payout,
    PayoutBatch,
    PayoutDestination,
    PayoutLine,
    PayoutSkip,
)
from billing.services.destinations import with_rest
from billing.services.ledger import Line, book
from orders.currencies import CODES
from orders.models import Dispute
from trustengine.accounts.models import Profile, User
from trustengine.audit.services import record
from trustengine.bulk import Among
from trustengine.errors import InvalidInput, InvalidTransition, PermissionDenied
from trustengine.identifiers import uuid7
from trustengine.row_security import Reason, every_row

Kind, Booked = LedgerAccount.Kind, LedgerTransaction.Kind
PREPARE = "billing.prepare_payout"
MOST_VENDORS = 1_000  # in one batch; those with larger ids come with the next
OF_PAYOUTS = (Booked.PAYOUT, Booked.PAYOUT_FAILED)  # money set aside and given back: its lines say which entries


@dataclass
class Due:
    """What a vendor's free entries come to. ``held_cents`` is left out of it while its payments are disputed."""

    amount_cents: int = 0
    held_cents: int = 0
    entries: list[tuple[UUID, int]] = field(default_factory=list)

    @property
    def waiting_cents(self) -> int:
        """What waits for another batch where this one passes the vendor over."""
        return self.amount_cents + self.held_cents


def draft_payouts(currency: str, *, actor: User) -> PayoutBatch:
    """Draw up a batch of all that may be paid in a currency; each vendor's free entries, less what it owes.

    Vendors who are owed less than ``PAYOUT_MINIMUM_CENTS``, have no destination, or one that
    rests after a change, are passed over, each with a ``PayoutSkip``. Raises PermissionDenied, InvalidInput for what is
    no currency, NothingDue where nobody is left to pay: then nothing is written.
    """
    _require_preparer(actor)
    if currency not in CODES:
        raise InvalidInput(fields={"currency": f"“{currency}” is no currency."})
    with every_row(Reason.PAYOUTS):
        batch = PayoutBatch(currency=currency, created_by=actor)
        accounts = _lock_accounts(currency)
        _settle_receivables(accounts, batch)
        available = {row.pk: row.profile_id for row in accounts if row.kind == Kind.VENDOR_AVAILABLE}
        due = free_amounts({pk: profile for pk, profile in available.items() if profile})
        known = with_rest(PayoutDestination.objects.filter(Among("profile", due)))
        destinations = {row.profile_id: row for row in known}
        skips = {profile: reason for profile in due if (reason := _obstacle(due[profile], destinations.get(profile)))}
        paid = [profile for profile in sorted(due) if profile not in skips][:MOST_VENDORS]
        if not paid:
            raise NothingDue(skipped={str(profile): reason for profile, reason in skips.items()})
        batch.save(force_insert=True)
        before = _paid_before(paid)
        names = {profile.pk: profile for profile in Profile.objects.filter(Among("pk", paid))}
        payouts = [
            Payout(
                batch=batch,
                profile_id=profile,
                payee=str(names[profile])[:120],
                destination=destinations[profile].reference,
                destination_note=_note(before.get(profile), destinations[profile].reference),
                currency=currency,
                amount_cents=due[profile].amount_cents,
            )
            for profile in paid
        ]
        Payout.objects.bulk_create(payouts)
        _add_lines(payouts, due)
        PayoutSkip.objects.bulk_create(
            PayoutSkip(batch=batch, profile_id=profile, reason=reason, amount_cents=due[profile].waiting_cents)
            for profile, reason in sorted(skips.items())
        )
        after = {"currency": currency, "payouts": len(payouts), "amount_cents": sum(p.amount_cents for p in payouts)}
        record("payout_batch.drafted", batch, actor=actor, after={**after, "skipped": len(skips)})
        return batch


def redraw_payouts(batch_id: UUID, *, actor: User) -> PayoutBatch:
    """Draw up a draft anew, from what is there now: it is cancelled, and another one takes its place.

    Raises what ``draft_payouts`` and ``cancel_batch`` raise, InvalidTransition for what is no draft any more.
    """
    from billing.services.payouts import cancel_batch, lock_batch

    _require_preparer(actor)
    with every_row(Reason.PAYOUTS):
        batch = lock_batch(batch_id)
        if batch.state != PayoutBatch.State.DRAFT:
            raise InvalidTransition("Only a draft can be drawn up anew.")
        cancel_batch(batch.pk, actor=actor)
        return draft_payouts(batch.currency, actor=actor)


def free_entries() -> QuerySet[LedgerEntry]:
    """Entries of available accounts that no live payout pays. Inside ``every_row``."""
    live = PayoutLine.objects.filter(entry=OuterRef("pk"), is_live=True)
    available = LedgerEntry.objects.filter(account__kind=Kind.VENDOR_AVAILABLE)
    return available.filter(~Exists(live)).exclude(transaction__kind__in=OF_PAYOUTS)


def free_amounts(accounts: dict[UUID, UUID]) -> dict[UUID, Due]:
    """What is free for each profile on its available account. Inside ``every_row``.

    Earnings of an order that is under dispute wait; what was taken back of it does not.
    """
    due: dict[UUID, Due] = defaultdict(Due)
    disputed = Dispute.objects.filter(order=OuterRef("transaction__order"), closed_at=None)
    rows = free_entries().filter(Among("account", accounts)).annotate(is_disputed=Exists(disputed))
    rows = rows.order_by("booked_at", "pk")  # and so are a payout's lines
    for entry, account, amount, is_disputed in rows.values_list("pk", "account", "amount_cents", "is_disputed"):
        of = due[accounts[account]]
        if is_disputed and amount > 0:
            of.held_cents += amount
        else:
            of.amount_cents += amount
            of.entries.append((entry, amount))
    return due


def _paid_before(profiles: Collection[UUID]) -> dict[UUID, str]:
    """Return the destination of each vendor's latest payout that arrived or is on its way."""
    sent = Payout.objects.filter(Among("profile", profiles), state__in=[Payout.State.EXPORTED, Payout.State.PAID])
    return dict(sent.order_by("profile", "-pk").distinct("profile").values_list("profile", "destination"))


def _note(before: str | None, reference: str) -> str:
    """Mark a destination that differs from the one that was paid to before."""
    if before is None:
        return Payout.DestinationNote.NEW
    return "" if before == reference else Payout.DestinationNote.CHANGED


def _obstacle(due: Due, destination: Any) -> str:
    """Why a vendor is not paid this time, or ""."""
    if due.amount_cents <= 0 and due.held_cents:
        return PayoutSkip.Reason.DISPUTED
    if due.amount_cents < 0:
        return PayoutSkip.Reason.NEGATIVE
    if due.amount_cents < settings.PAYOUT_MINIMUM_CENTS:
        return PayoutSkip.Reason.BELOW_MINIMUM
    if destination is None:
        return PayoutSkip.Reason.NO_DESTINATION
    return PayoutSkip.Reason.RESTING if destination.rests else ""


def _lock_accounts(currency: str) -> list[LedgerAccount]:
    """The accounts of those who have money available, and what they owe, locked by id."""
    paying = LedgerAccount.objects.filter(
        profile=OuterRef("profile"), currency=currency, kind=Kind.VENDOR_AVAILABLE, balance_cents__gt=0
    )
    kinds = Q(kind__in=[Kind.VENDOR_AVAILABLE, Kind.VENDOR_RECEIVABLE])
    accounts = LedgerAccount.objects.filter(kinds, Exists(paying), currency=currency).order_by("pk")
    return list(accounts.select_for_update(of=("self",), no_key=True))


def _settle_receivables(accounts: list[LedgerAccount], batch: PayoutBatch) -> None:
    """Who owes settles first. Bookings see to that themselves; a correction by hand may have left a debt beside."""
    available = {row.profile_id: row.balance_cents for row in accounts if row.kind == Kind.VENDOR_AVAILABLE}
    for row in accounts:
        amount = min(-row.balance_cents, available.get(row.profile_id, 0))
        if row.kind == Kind.VENDOR_RECEIVABLE and amount > 0:
            book(
                Booked.RECEIVABLE_SETTLED,
                f"receivable:{row.pk}:{batch.pk}",
                [
                    Line(Kind.VENDOR_AVAILABLE, -amount, row.profile_id),
                    Line(Kind.VENDOR_RECEIVABLE, amount, row.profile_id),
                ],
                currency=row.currency,
            )


def _add_lines(payouts: list[Payout], due: dict[UUID, Due]) -> None:
    """The entries that each payout pays, in one statement however many they are."""
    lines = [
        (uuid7(), each.pk, entry, each.profile_id, amount)
        for each in payouts
        for entry, amount in due[each.profile_id].entries
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO billing_payoutline (id, payout_id, entry_id, profile_id, amount_cents, is_live)"
            " SELECT id, payout_id, entry_id, profile_id, amount_cents, true"
            " FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[])"
            " AS given (id, payout_id, entry_id, profile_id, amount_cents)",
            [list(column) for column in zip(*lines, strict=True)],
        )


def _require_preparer(actor: User) -> None:
    if not actor.has_perm(PREPARE):
        raise PermissionDenied
