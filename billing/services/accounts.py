"""The accounts that a booking moves: made where they are missing, then locked in the order of their ids."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from billing.models import LedgerAccount
from trustengine.identifiers import uuid7

Name = tuple[UUID | None, str, str]  # profile, kind, currency

LOCKED = """
    SELECT id, profile_id, kind, currency, balance_cents FROM billing_ledgeraccount
    WHERE (profile_id = ANY(%s) OR profile_id IS NULL) AND kind = ANY(%s) AND currency = ANY(%s)
    ORDER BY id FOR NO KEY UPDATE
"""
MADE = """
    INSERT INTO billing_ledgeraccount (id, profile_id, kind, currency, balance_cents)
    SELECT *, 0 FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[]) ON CONFLICT DO NOTHING
"""
EXISTING = LOCKED.replace("FOR NO KEY UPDATE", "").replace("SELECT id,", "SELECT")


@dataclass
class Account:
    """A locked account, and its balance as the bookings at hand change it."""

    id: UUID
    profile_id: UUID | None
    kind: str
    currency: str
    balance_cents: int
    change_cents: int = field(default=0, init=False)

    def move(self, amount_cents: int) -> None:
        self.balance_cents += amount_cents
        self.change_cents += amount_cents


class LockedAccounts:
    """Accounts by profile, kind and currency, locked until commit. Inside ``every_row``.

    Whoever has money available has an account of what they owe as well, since the one turns
    into the other. Accounts are made before any is locked: who waits for the commit of
    another that makes the same one holds up nobody.
    """

    def __init__(self, wanted: Iterable[Name]) -> None:
        names = set(wanted)
        receivable = LedgerAccount.Kind.VENDOR_RECEIVABLE
        names |= {(who, receivable, money) for who, kind, money in names if kind == LedgerAccount.Kind.VENDOR_AVAILABLE}
        filters: list[list[Any]] = [
            sorted({who for who, _, _ in names if who}),
            sorted({str(kind) for _, kind, _ in names}),
            sorted({money for _, _, money in names}),
        ]
        with connection.cursor() as cursor:
            cursor.execute(EXISTING, filters)
            if missing := names - {row[:3] for row in cursor.fetchall()}:
                _make(missing)
            cursor.execute(LOCKED, filters)
            self._by_name = {(row[1], row[2], row[3]): Account(*row) for row in cursor.fetchall()}

    def of(self, profile_id: UUID | None, kind: str, currency: str) -> Account:
        return self._by_name[profile_id, kind, currency]

    def changed(self) -> list[Account]:
        return [account for account in self._by_name.values() if account.change_cents]


def _make(names: Collection[Name]) -> None:
    rows = [(uuid7(), *name) for name in sorted(names, key=str)]
    with connection.cursor() as cursor:
        cursor.execute(MADE, [list(column) for column in zip(*rows, strict=True)])
