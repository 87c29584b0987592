"""What is to be booked of an order, so that the books say what its facts say. Pure: nothing is read or written here.

Of an item with price P and fee F, of which B has gone back to the customer (refunds and
chargebacks), the accounts hold in all

* processor clearing: −P + B
* platform fees: F − G, less what went back beyond P (somebody was paid back twice)
* the vendor: P − F − (B − G), of B no more than P

where G = F × B ÷ P, half to even, is the part of the fee that the vendor gets back: all of
it once all of P is back. The vendor's part is pending until it is released, and then
available, or owed. So the sums do not depend on the order in which events are followed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from billing.books import Account, Kind, OrderBook, Sold
from billing.models import LedgerAccount
from billing.services.ledger import Booking, Line
from orders.models import Dispute, OrderItem
from orders.shares import part_of, shared_out

Values = dict[str, Any]

LOST = "lost"
# A correction may have taken a refund back, too, or made one that no event told of.
REFUNDS = (Kind.REFUND, Kind.REFUND_REVERSED, Kind.CORRECTION)
LONGEST_NAME = 80
POSITIONS = ("clearing", "fees", "pending", "released")


class Terms(NamedTuple):
    """For how much an item was sold, and the fee of that."""

    price: int
    fee: int


class Standing(NamedTuple):
    """What the accounts hold of an item."""

    clearing: int
    fees: int
    vendor: int

    @classmethod
    def of(cls, terms: Terms, back: int) -> "Standing":
        """After so much of the price has gone back."""
        within = min(back, terms.price)
        fee_back = part_of(terms.fee, within, terms.price) if terms.price else 0
        vendor = terms.price - terms.fee - (within - fee_back)
        return cls(back - terms.price, terms.fee - fee_back - (back - within), vendor)


NOTHING = Terms(0, 0)


@dataclass
class _State:
    """An item while its bookings are thought out."""

    sold: Sold
    vendor_id: UUID
    terms: Terms
    refunded: int
    charged_back: int
    is_released: bool
    amounts: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # booked, by account

    @property
    def standing(self) -> Standing:
        return Standing.of(self.terms, self.refunded + self.charged_back)

    @property
    def expected(self) -> dict[str, int]:
        clearing, fees, vendor = self.standing
        pending, released = (0, vendor) if self.is_released else (vendor, 0)
        return {"clearing": clearing, "fees": fees, "pending": pending, "released": released}

    @property
    def found(self) -> dict[str, int]:
        of = self.amounts
        return {
            "clearing": of[Account.PROCESSOR_CLEARING],
            "fees": of[Account.PLATFORM_FEES],
            "pending": of[Account.VENDOR_PENDING],
            "released": of[Account.VENDOR_AVAILABLE] + of[Account.VENDOR_RECEIVABLE],
        }


@dataclass
class Plan:
    """The bookings that are missing, and what the holdings of the order's items should be.

    ``found`` and ``expected`` are the order's sums before and after.
    """

    book: OrderBook
    bookings: list[Booking]
    holdings: Mapping[UUID, tuple[UUID, datetime]]  # by item: its vendor, and when
    found: Values
    expected: Values

    @property
    def moved_holdings(self) -> bool:
        return {item: moment for item, (_, moment) in self.holdings.items()} != self.book.holdings

    @property
    def is_empty(self) -> bool:
        """Whether the books are right as they are."""
        return not self.bookings and not self.moved_holdings and self.found == self.expected


def plan(book: OrderBook, *, now: datetime, correcting: bool = False) -> Plan:
    """Think out what is missing, in the order in which it happened.

    ``correcting`` books what no event explains as well: terms that an import has changed,
    and amounts that differ for whatever reason.
    """
    return _Planner(book, now, correcting).plan()


class _Planner:
    def __init__(self, book: OrderBook, now: datetime, correcting: bool) -> None:
        self.book, self.now, self.correcting = book, now, correcting
        self.keys = book.keys
        self.states = [self._state(item) for item in book.items]
        self.bookings: list[Booking] = []
        self.lines: list[Line] = []

    def plan(self) -> Plan:
        found = _totals([state.found for state in self.states], self.book.holdings.values())
        self._pay()
        self._refund()
        for dispute in self.book.disputes:
            self._charge_back(dispute)
        if self.correcting:
            self._correct()
        self._release()
        holdings = {
            state.sold.id: (state.vendor_id, moment)
            for state in self.states
            if not state.is_released and state.standing.vendor and (moment := self._release_at(state.sold))
        }
        expected = _totals([state.expected for state in self.states], [moment for _, moment in holdings.values()])
        return Plan(self.book, self.bookings, holdings, found, expected)

    def _state(self, item: Sold) -> _State:
        booked = self.book.booked.get(item.id, [])
        sums: dict[tuple[str, str], int] = defaultdict(int)
        state = _State(item, item.vendor_id, NOTHING, 0, 0, is_released=f"released:{item.id}" in self.keys)
        for entry in booked:
            sums[entry.kind, entry.account] += entry.amount_cents
            state.amounts[entry.account] += entry.amount_cents
            state.vendor_id = entry.profile_id or state.vendor_id  # an import may have given it another vendor since
        paid = Terms(-sums[Kind.ORDER_PAID, Account.PROCESSOR_CLEARING], sums[Kind.ORDER_PAID, Account.PLATFORM_FEES])
        state.terms = paid
        back = (sums[kind, Account.PROCESSOR_CLEARING] for kind in REFUNDS)
        state.refunded = max(0, sum(back))
        state.charged_back = sum(
            sums[kind, Account.PROCESSOR_CLEARING] for kind in (Kind.CHARGEBACK, Kind.CHARGEBACK_WON)
        )
        return state

    def _pay(self) -> None:
        """All items at once; later only what an import has added or priced anew."""
        first = not any(state.terms.price for state in self.states)
        for state in self.states:
            if (first or self.correcting) and state.terms.price != (price := self._price(state)):
                self._move(state, terms=Terms(price, self._fee(state, price)))
        number = 1 + sum(key.startswith(f"paid:{self.book.order_id}") for key in self.keys)
        key = f"paid:{self.book.order_id}" + (f":{number}" if number > 1 else "")
        self._book(Kind.ORDER_PAID, key, self.book.placed_at)

    def _price(self, state: _State) -> int:
        """Of an imported item that was cancelled nobody knows a payment, unless it was refunded."""
        item = state.sold
        cancelled = item.fulfilment == OrderItem.Fulfilment.CANCELLED and not item.refunded_cents
        return 0 if cancelled and not self.book.has_checkout and not state.terms.price else item.price_cents

    def _fee(self, state: _State, price: int) -> int:
        """By the vendor's rate of today, or by that at which it was booked before."""
        before = state.terms
        return part_of(before.fee, price, before.price) if before.price else part_of(price, state.sold.fee_bps, 10_000)

    def _refund(self) -> None:
        """What was refunded at one moment is one booking; the key says how much of the order was back by then.

        What did not go back after all, or went back for another item, is reversed first.
        """
        known = [state for state in self.states if self._known(state)]
        for state in known:
            if state.sold.refunded_cents < state.refunded:
                self._move(state, refunded=state.sold.refunded_cents)
        self._book(Kind.REFUND_REVERSED, self._refund_key("refund_reversed"), self.now)
        moments = defaultdict(list)
        for state in known:
            if state.sold.refunded_cents > state.refunded:
                moment = state.sold.refunded_at or self.book.last_refund_at or self.now
                moments[moment].append(state)
        for moment in sorted(moments):
            for state in moments[moment]:
                self._move(state, refunded=state.sold.refunded_cents)
            self._book(Kind.REFUND, self._refund_key("refund"), moment)

    def _refund_key(self, event: str) -> str:
        """How much of the order is back; numbered where as much was back before, and has been reversed since."""
        total = sum(state.refunded for state in self.states)
        key = f"{event}:{self.book.order_id}:{total}"
        again = sum(known == key or known.startswith(f"{key}:") for known in self.keys)
        return f"{key}:{again + 1}" if again else key

    def _charge_back(self, dispute: Dispute) -> None:
        """A lost dispute takes what is left of the items in proportion, then what was given back before.

        Where the bank told no amount, all that is left. A dispute that is lost no longer is
        reversed, and may be lost again.
        """
        lost = dispute.outcome == LOST and dispute.closed_at
        taken, reversed_ = (self._times(event, dispute.pk) for event in ("chargeback", "chargeback_won"))
        if lost and taken == reversed_:
            states = [state for state in self.states if self._known(state)]
            left = [max(0, state.terms.price - state.refunded - state.charged_back) for state in states]
            amount = sum(left) if dispute.amount_cents is None else dispute.amount_cents
            shares = shared_out(amount, left)
            rest = [max(0, state.terms.price - share) for state, share in zip(states, shares, strict=True)]
            twice = shared_out(max(0, amount - sum(shares)), rest)
            for state, share, more in zip(states, shares, twice, strict=True):
                self._move(state, charged_back=state.charged_back + share + more)
            self._book(Kind.CHARGEBACK, _key("chargeback", dispute.pk, taken + 1), lost)
        if not lost and taken > reversed_:
            key = _key("chargeback", dispute.pk, taken)
            for state in self.states:
                self._move(state, charged_back=state.charged_back - self._taken(key, state.sold.id))
            won = _key("chargeback_won", dispute.pk, taken)
            self._book(Kind.CHARGEBACK_WON, won, dispute.closed_at or self.now)

    def _times(self, event: str, name: str) -> int:
        """How often this has been booked of a dispute: a bank may decide again."""
        times = 0
        while _key(event, name, times + 1) in self.keys:
            times += 1
        return times

    def _taken(self, key: str, item_id: UUID) -> int:
        entries = self.book.booked.get(item_id, [])
        clearing = Account.PROCESSOR_CLEARING
        return sum(entry.amount_cents for entry in entries if (entry.key, entry.account) == (key, clearing))

    def _release(self) -> None:
        for state in self.states:
            moment = self._release_at(state.sold)
            amount = state.standing.vendor
            if state.is_released or not amount or moment is None or moment > self.now:
                continue
            state.is_released = True
            self._line(state, Account.VENDOR_PENDING, -amount)
            self._line(state, Account.VENDOR_AVAILABLE, amount)
            self._book(Kind.ITEM_RELEASED, f"released:{state.sold.id}", moment)

    def _release_at(self, item: Sold) -> datetime | None:
        """When an item's money is released; None while nobody can say.

        The hold runs from the delivery, anew from a return, and ends no sooner than the last
        dispute. What was cancelled, or came back undelivered, is never released by itself.
        """
        disputes = self.book.disputes
        if item.delivered_at is None or item.fulfilment == OrderItem.Fulfilment.CANCELLED:
            return None
        if any(dispute.closed_at is None for dispute in disputes):
            return None
        held_from = max(item.delivered_at, item.returned_at or item.delivered_at)
        ends = [held_from + timedelta(days=settings.PAYOUT_HOLD_DAYS)]
        return max(ends + [dispute.closed_at for dispute in disputes if dispute.closed_at])

    def _correct(self) -> None:
        """What is still not as it should be, such as a refund that an import has taken back.

        Sums that do not even add up to zero are left to a person.
        """
        for state in self.states:
            if self._known(state):
                state.refunded = state.sold.refunded_cents
            for account, amount in _differences(state):
                self._line(state, account, amount)
        if sum(line.amount_cents for line in self.lines):
            self.lines = []
        made = sum(key.startswith(f"correction:{self.book.order_id}:") for key in self.keys)
        self._book(Kind.CORRECTION, f"correction:{self.book.order_id}:{made + 1}", self.now)

    def _known(self, state: _State) -> bool:
        """Whether the item's payment is in the books, so that it can be given back."""
        return bool(state.terms.price)

    def _move(
        self,
        state: _State,
        *,
        terms: Terms | None = None,
        refunded: int | None = None,
        charged_back: int | None = None,
    ) -> None:
        """Change what is so about an item, and have its accounts follow."""
        before = state.standing
        state.terms = state.terms if terms is None else terms
        state.refunded = state.refunded if refunded is None else refunded
        state.charged_back = state.charged_back if charged_back is None else charged_back
        after = state.standing
        self._line(state, Account.PROCESSOR_CLEARING, after.clearing - before.clearing)
        vendor = Account.VENDOR_AVAILABLE if state.is_released else Account.VENDOR_PENDING
        self._line(state, vendor, after.vendor - before.vendor)
        self._line(state, Account.PLATFORM_FEES, after.fees - before.fees)

    def _line(self, state: _State, account: Account, amount: int) -> None:
        if not amount:
            return
        profile = state.vendor_id if account in LedgerAccount.OF_VENDOR else None
        may_be_owed = account == Account.VENDOR_AVAILABLE and amount < 0
        self.lines.append(Line(account, amount, profile, state.sold.id, may_be_owed))
        state.amounts[account] += amount

    def _book(self, kind: Kind, key: str, moment: datetime) -> None:
        """Make the lines gathered so far a booking."""
        if self.lines:
            book = self.book
            self.bookings.append(Booking(kind, key, self.lines, book.currency, book.order_id, moment))
            self.lines = []


def _differences(state: _State) -> Iterator[tuple[Account, int]]:
    accounts = {
        "clearing": Account.PROCESSOR_CLEARING,
        "fees": Account.PLATFORM_FEES,
        "pending": Account.VENDOR_PENDING,
        "released": Account.VENDOR_AVAILABLE,
    }
    found = state.found
    for name, amount in state.expected.items():
        yield accounts[name], amount - found[name]


def _totals(positions: Sequence[Mapping[str, int]], releases: Iterable[datetime]) -> Values:
    totals: Values = {f"{name}_cents": sum(each[name] for each in positions) for name in POSITIONS}
    moments = sorted(releases)
    return {**totals, "held_items": len(moments), "next_release": moments[0] if moments else None}


def _key(event: str, name: str, number: int = 1) -> str:
    """A provider's name may be longer than a key."""
    short = name if len(name) <= LONGEST_NAME else sha256(name.encode()).hexdigest()
    return f"{event}:{short}" + (f":{number}" if number > 1 else "")
