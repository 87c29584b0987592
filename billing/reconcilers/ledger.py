from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum

from billing.jobs.ledger import book_order
from billing.models import LedgerAccount, LedgerEntry, LedgerTransaction
from billing.services.bookkeeping import book_orders, missing_bookings
from orders.models import Dispute, Order, OrderItem
from trustengine.audit.services import record
from trustengine.bulk import Among
from trustengine.database_time import database_now
from trustengine.operations.reconciling import unhurried
from trustengine.operations.registry import Drift, Reconciler, reconciler
from trustengine.row_security import Reason, every_row

# The release runs every minute; what it has not reached by then, it has missed.
RELEASE_LATE_AFTER = timedelta(minutes=15)
LEFT_TO_A_PERSON = {"sum_cents", "entries"}


@reconciler("ledger")
class Ledger(Reconciler):
    """The books against the orders: what was paid, given back, called back and released, order by order.

    Then, of the books alone: every transaction adds up to zero, and every balance is the sum
    of its entries. Imported orders that no backfill has booked are none of the books'. A fix
    books what is missing, by corrections where no event explains it; entries are never
    changed. Balances are derived, and are set.
    """

    about = "orders.order"
    job = book_order
    history: ClassVar[bool] = False

    def rows(self) -> QuerySet[Order]:
        return Order.objects.all()

    def changed(self, since: datetime) -> QuerySet[Order]:
        """Also orders of which money was to be released since."""
        held_until = Q(delivered_at__gte=since - timedelta(days=settings.PAYOUT_HOLD_DAYS))
        moved = OrderItem.objects.filter(Q(updated_at__gte=since) | held_until, order=OuterRef("pk"))
        disputed = Dispute.objects.filter(Q(opened_at__gte=since) | Q(closed_at__gte=since), order=OuterRef("pk"))
        return Order.objects.filter(Q(updated_at__gte=since) | Exists(moved) | Exists(disputed))

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        now = database_now() - RELEASE_LATE_AFTER
        with every_row(Reason.RECONCILING):
            plans = missing_bookings(ids, now=now, history=self.history, correcting=True)
            accounts = list(_wrong_balances(ids))
        for plan in plans:
            missing = [booking.key for booking in plan.bookings]
            yield Drift(plan.book.order_id, plan.expected | {"missing": []}, plan.found | {"missing": missing})
        yield from accounts

    def at_large(self) -> Iterable[Drift]:
        with unhurried(), every_row(Reason.RECONCILING):
            return [*_unbalanced(), *_wrong_balances()]

    def fix(self, drift: Drift) -> bool:
        return not LEFT_TO_A_PERSON & drift.expected.keys() and super().fix(drift)

    def lock(self, key: UUID) -> None:
        Order.objects.select_for_update(of=("self",), no_key=True).filter(pk=key).first()
        with every_row(Reason.RECONCILING):
            LedgerAccount.objects.select_for_update(of=("self",), no_key=True).filter(pk=key).first()

    def repair(self, drift: Drift) -> None:
        if "balance_cents" in drift.expected:
            with every_row(Reason.RECONCILING):
                balance = drift.expected["balance_cents"]
                LedgerAccount.objects.filter(pk=drift.key).update(balance_cents=balance)
        else:
            book_orders([drift.key], history=self.history, correcting=True)

    def leave_trace(self, drift: Drift) -> None:
        about = "billing.ledgeraccount" if "balance_cents" in drift.expected else self.about
        record("reconcile.ledger_fixed", (about, drift.key), before=drift.found, after=drift.expected)


def _wrong_balances(ids: Sequence[UUID] | None = None) -> Iterable[Drift]:
    """Of these accounts, or of all of them, those whose balance is not the sum of their entries."""
    accounts = LedgerAccount.objects.all() if ids is None else LedgerAccount.objects.filter(Among("pk", ids))
    summed = accounts.annotate(sum=Sum("entries__amount_cents", default=0)).exclude(sum=F("balance_cents"))
    for account, balance, total in summed.order_by("pk").values_list("pk", "balance_cents", "sum"):
        yield Drift(account, {"balance_cents": total}, {"balance_cents": balance})


def _unbalanced() -> Iterable[Drift]:
    """Transactions that somebody has made past the database's triggers. Only a person can tell what was meant."""
    entries = LedgerEntry.objects.order_by().values("transaction", "currency")
    for transaction, currency, total in (
        entries.annotate(sum=Sum("amount_cents")).exclude(sum=0).values_list("transaction", "currency", "sum")
    ):
        yield Drift(transaction, {"sum_cents": 0}, {"sum_cents": total, "currency": currency})
    counted = LedgerTransaction.objects.annotate(count=Count("entries")).exclude(count=F("entry_count"))
    for transaction, asked, found in counted.values_list("pk", "entry_count", "count"):
        yield Drift(transaction, {"entries": asked}, {"entries": found})
