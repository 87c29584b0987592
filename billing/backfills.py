from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet

from billing.services.bookkeeping import book_orders
from orders.models import Order
from trustengine.operations.backfilling import Applied, Backfill, Change, Days, backfill, exact_json


@backfill("ledger")
class LedgerHistory(Backfill):
    """The books of all orders, imported ones included, by the day on which they were placed.

    Each booking bears the date of what it is about. It is what takes an import's history
    into the books; from then on its orders are followed like any other.
    """

    about = "orders.order"

    def rows(self, days: Days) -> QuerySet[Order]:
        return Order.objects.filter(**days.within("day"))

    def apply(self, keys: Sequence[UUID]) -> Applied:
        plans = book_orders(keys, history=True, correcting=True)
        return Applied(
            [Change(str(plan.book.order_id), exact_json(plan.found), exact_json(plan.expected)) for plan in plans]
        )
