"""Booking: the one way by which rows of the ledger come to be. Locks: ledger accounts by id, last of all."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from billing.models import LedgerAccount, LedgerTransaction
from billing.services.accounts import Account, LockedAccounts
from trustengine.bulk import Among
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7
from trustengine.row_security import Reason, every_row

Kind = LedgerAccount.Kind
RECEIVABLE_SETTLED = LedgerTransaction.Kind.RECEIVABLE_SETTLED

POST = """
    WITH made AS (
        INSERT INTO billing_ledgertransaction (id, key, kind, order_id, entry_count, occurred_at, booked_at)
        SELECT *, %(now)s FROM unnest(%(ids)s::uuid[], %(keys)s::text[], %(kinds)s::text[], %(orders)s::uuid[],
                                      %(counts)s::int[], %(moments)s::timestamptz[])
    ), moved AS (
        UPDATE billing_ledgeraccount a SET balance_cents = a.balance_cents + change.amount
        FROM unnest(%(accounts)s::uuid[], %(changes)s::bigint[]) AS change (id, amount) WHERE a.id = change.id
    )
    INSERT INTO billing_ledgerentry (id, transaction_id, account_id, profile_id, item_id, amount_cents, currency,
                                     booked_at)
    SELECT *, %(now)s FROM unnest(%(entries)s::uuid[], %(of)s::uuid[], %(on)s::uuid[], %(profiles)s::uuid[],
                                  %(items)s::uuid[], %(amounts)s::bigint[], %(currencies)s::text[])
"""


class Line(NamedTuple):
    """An amount for one account: positive is owed by the marketplace, negative held by it or owed to it.

    What a negative line ``may_be_owed`` asks of VENDOR_AVAILABLE beyond what is there, the
    vendor owes from then on: it goes to VENDOR_RECEIVABLE.
    """

    kind: LedgerAccount.Kind
    amount_cents: int
    profile_id: UUID | None = None
    item_id: UUID | None = None
    may_be_owed: bool = False


@dataclass(frozen=True)
class Booking:
    """An event of business, to be booked once: ``key`` names it."""

    kind: LedgerTransaction.Kind
    key: str
    lines: Sequence[Line]
    currency: str
    order_id: UUID | None = None
    occurred_at: datetime | None = None


class _Entry(NamedTuple):
    account: Account
    amount_cents: int
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

    Lines of nothing are left out; a booking of which nothing remains is none either. Raises
    Unbalanced, and IntegrityError where an account would pay what is not there.

    Of several bookings in one transaction, give all to ``book_all``: one after the other
    they would lock accounts out of order.
    """
    made = book_all([Booking(kind, key, lines, currency, order_id, occurred_at)])
    return made[0] if made else None


def book_all(bookings: Sequence[Booking]) -> list[LedgerTransaction]:
    """Book these in their order, in a fixed number of statements; returns those whose keys had not been booked.

    The accounts come to be when they are first booked on, and are then locked in the order of
    their ids, so that bookings at once take turns and never deadlock. Money that becomes
    available to a vendor who owes some settles that first, by a transaction of its own
    (``settled:KEY``). Raises as ``book`` does.
    """
    asked = {booking.key: booking for booking in bookings if _moves_something(booking)}
    if not asked:
        return []
    with every_row(Reason.LEDGER):
        accounts = LockedAccounts(
            (line.profile_id, line.kind, booking.currency) for booking in asked.values() for line in booking.lines
        )
        # By a statement of its own, which sees what former holders of these locks have committed.
        known = set(LedgerTransaction.objects.filter(Among("key", asked)).values_list("key", flat=True))
        fresh = [booking for booking in asked.values() if booking.key not in known]
        return _post(fresh, accounts) if fresh else []


def _moves_something(booking: Booking) -> bool:
    if sum(line.amount_cents for line in booking.lines):
        raise Unbalanced(booking.key)
    return any(line.amount_cents for line in booking.lines)


def _transaction(booking: Booking, now: datetime) -> LedgerTransaction:
    return LedgerTransaction(
        key=booking.key,
        kind=booking.kind,
        order_id=booking.order_id,
        occurred_at=booking.occurred_at or now,
        booked_at=now,
    )


def _post(bookings: Iterable[Booking], accounts: LockedAccounts) -> list[LedgerTransaction]:
    now = database_now()
    made = []
    posted: list[tuple[LedgerTransaction, list[_Entry]]] = []
    for booking in bookings:
        made.append(_transaction(booking, now))
        posted.append((made[-1], list(_entries(booking, accounts))))
        if settling := _settling(booking, accounts):
            posted.append(
                (_transaction(replace(booking, key=f"settled:{booking.key}", kind=RECEIVABLE_SETTLED), now), settling)
            )
    for transaction, entries in posted:
        transaction.entry_count, transaction._state.adding = len(entries), False
    _insert(posted, accounts.changed(), now)
    return made


def _entries(booking: Booking, accounts: LockedAccounts) -> Iterator[_Entry]:
    """A booking's lines on its accounts, whose balances move with them."""
    for line in booking.lines:
        account = accounts.of(line.profile_id, line.kind, booking.currency)
        there = max(0, account.balance_cents)
        owed = max(0, -line.amount_cents - there) if line.may_be_owed else 0
        receivable = accounts.of(line.profile_id, Kind.VENDOR_RECEIVABLE, booking.currency) if owed else account
        for moved, amount in ((account, line.amount_cents + owed), (receivable, -owed)):
            if amount:
                moved.move(amount)
                yield _Entry(moved, amount, line.item_id)


def _settling(booking: Booking, accounts: LockedAccounts) -> list[_Entry]:
    """What vendors who have something available pay of what they owe."""
    entries = []
    paying = {line.profile_id for line in booking.lines if line.kind == Kind.VENDOR_AVAILABLE}
    for profile in sorted(paying, key=str):
        available = accounts.of(profile, Kind.VENDOR_AVAILABLE, booking.currency)
        receivable = accounts.of(profile, Kind.VENDOR_RECEIVABLE, booking.currency)
        amount = min(available.balance_cents, -receivable.balance_cents)
        if amount > 0:
            available.move(-amount)
            receivable.move(amount)
            entries += [_Entry(available, -amount), _Entry(receivable, amount)]
    return entries


def _insert(
    posted: Sequence[tuple[LedgerTransaction, list[_Entry]]], changed: Sequence[Account], now: datetime
) -> None:
    transactions = [transaction for transaction, _ in posted]
    rows = [(transaction.pk, entry) for transaction, entries in posted for entry in entries]
    values: dict[str, Any] = {
        "now": now,
        "ids": [each.pk for each in transactions],
        "keys": [each.key for each in transactions],
        "kinds": [each.kind for each in transactions],
        "orders": [each.order_id for each in transactions],
        "counts": [each.entry_count for each in transactions],
        "moments": [each.occurred_at for each in transactions],
        "accounts": [account.id for account in changed],
        "changes": [account.change_cents for account in changed],
        "entries": [uuid7() for _ in rows],
        "of": [transaction for transaction, _ in rows],
        "on": [entry.account.id for _, entry in rows],
        "profiles": [entry.account.profile_id for _, entry in rows],
        "items": [entry.item_id for _, entry in rows],
        "amounts": [entry.amount_cents for _, entry in rows],
        "currencies": [entry.account.currency for _, entry in rows],
    }
    with connection.cursor() as cursor:
        cursor.execute(POST, values)
