"""A vendor's month in figures: what it had, what came and went, and what it has. Totals that add up.

A month is told by when entries were booked, not by when their events happened: a month that
is over does not change any more. Amounts are signed from the vendor's point of view.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet, Sum, Value

from billing.models import LedgerAccount, LedgerEntry, LedgerTransaction
from billing.spreadsheets import amount, comma_separated
from trustengine.accounts.models import Profile
from trustengine.admin.days import start_of
from trustengine.database_time import database_today
from trustengine.row_security import Reason, every_row

Kind, Booked = LedgerAccount.Kind, LedgerTransaction.Kind
HEADER = ("account", "line", "amount", "currency")
Row = tuple[str, str, int, int]  # account, kind of booking, before the month, during it
LINES = {
    "gross_sales_cents": "Gross sales",
    "fees_cents": "Fees",
    "refunds_cents": "Refunds",
    "chargebacks_cents": "Chargebacks",
    "fees_returned_cents": "Fees given back",
    "payouts_cents": "Payouts",
    "payouts_returned_cents": "Payouts that came back",
    "corrections_cents": "Corrections",
}


@dataclass(frozen=True)
class Movement:
    """What bookings of one kind did to an account."""

    kind: str
    amount_cents: int

    @property
    def title(self) -> str:
        return str(Booked(self.kind).label).capitalize()


@dataclass(frozen=True)
class AccountMonth:
    """An account over the month."""

    account: str
    opening_cents: int
    movements: list[Movement]
    closing_cents: int

    @property
    def title(self) -> str:
        return str(Kind(self.account).label)


@dataclass(frozen=True)
class Statement:
    """A month of a vendor's in one currency. ``opening_cents`` and all of ``totals`` add up to ``closing_cents``."""

    vendor: Profile
    currency: str
    first: date
    opening_cents: int
    totals: dict[str, int]
    closing_cents: int
    released_cents: int
    accounts: list[AccountMonth]

    @property
    def month(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def last(self) -> date:
        return next_month(self.first) - timedelta(days=1)

    @property
    def is_final(self) -> bool:
        """Whether the month is over."""
        return self.last < database_today()

    @property
    def lines(self) -> list[tuple[str, int]]:
        """The totals, with their titles."""
        return [(title, self.totals[name]) for name, title in LINES.items()]


def statement_of(vendor: Profile, *, currency: str, first: date) -> Statement:
    """The statement of a month, by its first day. Called inside ``seen_by`` or ``every_row``.

    Whose money it tells of is decided there: by the accounts that are seen. What the
    platform took stands on the platform's account, which no vendor sees; of that, the fees
    on these vendors' items are read, in the same statement and so of the same moment.
    """
    accounts = list(LedgerAccount.objects.filter(profile=vendor, currency=currency))
    start, end = start_of(first), start_of(next_month(first))
    with every_row(Reason.STATEMENTS):
        rows = list(_own(accounts, start, end).union(_fees(accounts, start, end), all=True))
    before: dict[str, int] = defaultdict(int)
    moved: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for account, kind, opening, during in rows:
        before[account] += opening
        moved[account][kind] += during
    fees = moved.pop(Kind.PLATFORM_FEES, {})
    return Statement(
        vendor=vendor,
        currency=currency,
        first=first,
        opening_cents=sum(before.values()),
        totals=_totals(moved, fees),
        closing_cents=sum(before.values()) + sum(sum(kinds.values()) for kinds in moved.values()),
        released_cents=moved[Kind.VENDOR_AVAILABLE].get(Booked.ITEM_RELEASED, 0),
        accounts=[_account(kind, before[kind], moved[kind]) for kind in LedgerAccount.OF_VENDOR],
    )


def as_csv(statement: Statement) -> str:
    """The statement as a file: the whole first, then each account."""

    def rows() -> Iterable[tuple[str, ...]]:
        def row(account: str, line: str, cents: int) -> tuple[str, ...]:
            return account, line, amount(cents, statement.currency), statement.currency

        yield row("all", "opening balance", statement.opening_cents)
        for title, cents in statement.lines:
            yield row("all", title.lower(), cents)
        yield row("all", "closing balance", statement.closing_cents)
        for each in statement.accounts:
            yield row(each.account, "opening balance", each.opening_cents)
            for movement in each.movements:
                yield row(each.account, movement.kind.replace("_", " "), movement.amount_cents)
            yield row(each.account, "closing balance", each.closing_cents)

    return comma_separated(HEADER, rows())


def next_month(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def _own(accounts: list[LedgerAccount], start: datetime, end: datetime) -> "QuerySet[LedgerEntry, Row]":
    entries = LedgerEntry.objects.filter(account__in=accounts, booked_at__lt=end)
    before = Sum("amount_cents", filter=Q(booked_at__lt=start), default=0)
    during = Sum("amount_cents", filter=Q(booked_at__gte=start), default=0)
    return _by_kind(entries, before, during)


def _fees(accounts: list[LedgerAccount], start: datetime, end: datetime) -> "QuerySet[LedgerEntry, Row]":
    vendors = {account.profile_id for account in accounts}
    entries = LedgerEntry.objects.filter(
        account__kind=Kind.PLATFORM_FEES,
        currency__in={account.currency for account in accounts},
        item__vendor__in=vendors,
        booked_at__gte=start,
        booked_at__lt=end,
    )
    return _by_kind(entries, Sum(Value(0)), Sum("amount_cents", default=0))


def _by_kind(entries: "QuerySet[LedgerEntry]", before: Sum, during: Sum) -> "QuerySet[LedgerEntry, Row]":
    grouped = entries.values("account__kind", "transaction__kind").annotate(before=before, during=during)
    return grouped.values_list("account__kind", "transaction__kind", "before", "during")


def _totals(moved: Mapping[str, Mapping[str, int]], fees: Mapping[str, int]) -> dict[str, int]:
    """What came and went over all accounts. What only went from one to another adds up to nothing."""
    net: dict[str, int] = defaultdict(int)
    for kinds in moved.values():
        for kind, cents in kinds.items():
            net[kind] += cents
    refunds = (Booked.REFUND, Booked.REFUND_REVERSED)
    chargebacks = (Booked.CHARGEBACK, Booked.CHARGEBACK_WON)
    totals = {
        # An entry is what is left after the fee: the price is both together.
        "gross_sales_cents": net.pop(Booked.ORDER_PAID, 0) + fees.get(Booked.ORDER_PAID, 0),
        "fees_cents": -fees.get(Booked.ORDER_PAID, 0),
        "refunds_cents": sum(net.pop(kind, 0) + fees.get(kind, 0) for kind in refunds),
        "chargebacks_cents": sum(net.pop(kind, 0) + fees.get(kind, 0) for kind in chargebacks),
        "fees_returned_cents": -sum(fees.get(kind, 0) for kind in refunds + chargebacks),
        "payouts_cents": net.pop(Booked.PAYOUT_PAID, 0),
        "payouts_returned_cents": net.pop(Booked.PAYOUT_FAILED, 0),
    }
    return {**totals, "corrections_cents": sum(net.values())}


def _account(kind: str, opening: int, kinds: Mapping[str, int]) -> AccountMonth:
    movements = [Movement(str(name), kinds[name]) for name in Booked.values if kinds.get(name)]
    return AccountMonth(kind, opening, movements, opening + sum(kinds.values()))
