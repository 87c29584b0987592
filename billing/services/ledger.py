"""Booking: the one way by which rows of the ledger come to be. Locks: ledger accounts by id, last of all."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from billing.models import LedgerAccount, LedgerEntry, LedgerTransaction
from trustengine.row_security import Reason, every_row

Kind = LedgerAccount.Kind


class Line(NamedTuple):
    """An amount for one account: positive is owed by the marketplace, negative held by it or owed to it."""

    kind: LedgerAccount.Kind
    amount_cents: int
    profile_id: UUID | None = None
    item_id: UUID | None = None


class Unbalanced(ValueError):
    """The lines do not add up to zero: a bug of whoever books."""


def book(
    kind: LedgerTransaction.Kind,
    key: str,
    lines: Sequence[Line],
    *,
    currency: str,
    order_id: UUID | None = None,
    occurred_at: datetime | None = None,
) -> LedgerTransaction | None:
    """Book an event of business once: None where its key has been booked already, by whomever.

    Lines of nothing are left out; a booking of which nothing remains is none either. The
    accounts come to be when they are first booked on. Their balances move last, in the order
    of their ids, so that bookings at once take turns and never deadlock. Raises Unbalanced,
    and IntegrityError where an account would pay what is not there.
    """
    lines = [line for line in lines if line.amount_cents]
    if sum(line.amount_cents for line in lines):
        raise Unbalanced(key)
    if not lines:
        return None
    with every_row(Reason.LEDGER):
        now = timezone.now()
        transaction = LedgerTransaction(
            key=key, kind=kind, order_id=order_id, entry_count=len(lines), occurred_at=occurred_at or now, booked_at=now
        )
        if not _insert_once(transaction):
            return None
        accounts = accounts_of({(line.profile_id, line.kind) for line in lines}, currency)
        LedgerEntry.objects.bulk_create(
            LedgerEntry(
                transaction=transaction,
                account_id=accounts[line.profile_id, line.kind],
                profile_id=line.profile_id,
                item_id=line.item_id,
                amount_cents=line.amount_cents,
                currency=currency,
                booked_at=now,
            )
            for line in lines
        )
        _move_balances(accounts, lines)
        return transaction


def accounts_of(wanted: set[tuple[UUID | None, str]], currency: str) -> dict[tuple[UUID | None, str], UUID]:
    """The ids of accounts by profile and kind, made where they are missing. Inside ``every_row``."""
    found = _find(wanted, currency)
    if missing := wanted - found.keys():
        LedgerAccount.objects.bulk_create(
            [
                LedgerAccount(profile_id=profile, kind=kind, currency=currency)
                for profile, kind in sorted(missing, key=str)
            ],
            ignore_conflicts=True,
        )
        found = _find(wanted, currency)
    return found


def _find(wanted: set[tuple[UUID | None, str]], currency: str) -> dict[tuple[UUID | None, str], UUID]:
    profiles = [profile for profile, _ in wanted if profile]
    own = LedgerAccount.objects.filter(profile=None, currency=currency)
    theirs = LedgerAccount.objects.filter(profile__in=profiles, currency=currency)
    rows = [*own, *theirs] if any(profile is None for profile, _ in wanted) else [*theirs]
    return {key: account.pk for account in rows if (key := (account.profile_id, account.kind)) in wanted}


def _insert_once(row: LedgerTransaction) -> bool:
    """Whether the row is new. Who comes second waits for the first one's commit, and then sees that it is not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO billing_ledgertransaction (id, key, kind, order_id, entry_count, occurred_at, booked_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (key) DO NOTHING",
            [row.pk, row.key, row.kind, row.order_id, row.entry_count, row.occurred_at, row.booked_at],
        )
        row._state.adding = False
        return cursor.rowcount == 1


def _move_balances(accounts: dict[tuple[UUID | None, str], UUID], lines: Sequence[Line]) -> None:
    change: dict[UUID, int] = {}
    for line in lines:
        account = accounts[line.profile_id, line.kind]
        change[account] = change.get(account, 0) + line.amount_cents
    moving = sorted((account, amount) for account, amount in change.items() if amount)
    list(LedgerAccount.objects.filter(pk__in=[pk for pk, _ in moving]).order_by("pk").select_for_update(no_key=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_ledgeraccount a SET balance_cents = a.balance_cents + moved.amount"
            " FROM unnest(%s::uuid[], %s::bigint[]) AS moved (id, amount) WHERE a.id = moved.id",
            [[pk for pk, _ in moving], [amount for _, amount in moving]],
        )
