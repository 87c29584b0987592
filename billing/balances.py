"""Balances out of the ledger, as their vendors read them. Called inside ``seen_by`` or ``every_row``."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from billing.models import LedgerAccount, LedgerEntry
from trustengine.accounts.models import Profile

# The account's balance less what came after an entry: one statement, so both are of one moment.
AFTER_NEWEST = """
SELECT a.id, a.balance_cents - COALESCE((
    SELECT sum(e.amount_cents) FROM billing_ledgerentry e
    WHERE e.account_id = a.id AND (e.booked_at, e.id) > (newest.booked_at, newest.id)
), 0)::bigint
FROM unnest(%s::uuid[], %s::timestamptz[], %s::uuid[]) AS newest (account_id, booked_at, id)
JOIN billing_ledgeraccount a ON a.id = newest.account_id
"""


def balances_after(entries: Sequence[LedgerEntry]) -> dict[UUID, int]:
    """The balance of its account after each entry of a page: newest first, and none of an account left out between."""
    newest: dict[UUID, LedgerEntry] = {}
    for entry in entries:
        newest.setdefault(entry.account_id, entry)
    if not newest:
        return {}
    with connection.cursor() as cursor:
        rows = newest.values()
        cursor.execute(
            AFTER_NEWEST,
            [[each.account_id for each in rows], [each.booked_at for each in rows], [each.pk for each in rows]],
        )
        running: dict[UUID, int] = dict(cursor.fetchall())
    after = {}
    for entry in entries:
        if entry.account_id in running:
            after[entry.pk] = running[entry.account_id]
            running[entry.account_id] -= entry.amount_cents
    return after


def balances_of(vendor: Profile) -> list[LedgerAccount]:
    """A vendor's accounts, by currency and in the order in which money passes them."""
    order = {kind: place for place, kind in enumerate(LedgerAccount.OF_VENDOR)}
    accounts = LedgerAccount.objects.filter(profile=vendor, kind__in=LedgerAccount.OF_VENDOR)
    return sorted(accounts, key=lambda account: (account.currency, order[LedgerAccount.Kind(account.kind)]))


def currency_of(vendor: Profile, preferred: str) -> str:
    """The currency that a vendor is paid in; where there are several, the preferred one if it is among them."""
    used = sorted(set(LedgerAccount.objects.filter(profile=vendor).values_list("currency", flat=True)))
    return preferred if preferred in used or not used else used[0]
