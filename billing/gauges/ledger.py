"""What a scrape tells about the books. Asked of accounts, a few for each vendor, and never of their entries."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Count, Min, Sum

from billing.jobs.ledger import book_order
from billing.models import Holding, LedgerAccount
from trustengine.database_time import database_now
from trustengine.insight import gauge
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of
from trustengine.row_security import Reason, every_row

RECEIVABLE = LedgerAccount.Kind.VENDOR_RECEIVABLE


@gauge(
    "trustengine_ledger_oldest_unbooked_seconds", "How long the oldest event of an order has waited to be booked, or 0."
)
def oldest_unbooked() -> float:
    """Also of those whose job has failed for good, which a person has to look at."""
    unfinished = [Job.State.READY, Job.State.RUNNING, Job.State.DEAD]  # as their partial index has it
    jobs = Job.objects.filter(state__in=unfinished, kind=handler_of(book_order).kind)
    return _seconds_since(jobs.aggregate(oldest=Min("created_at"))["oldest"])


@gauge("trustengine_ledger_overdue_release_seconds", "How long ago the oldest held money was to be released.")
def overdue_release() -> float:
    with every_row(Reason.MONITORING):
        return _seconds_since(Holding.objects.aggregate(oldest=Min("release_at"))["oldest"])


@gauge("trustengine_ledger_receivable_cents", "What vendors owe, in minor units of the currency.", labels=["currency"])
def receivable() -> dict[Sequence[str], float]:
    with every_row(Reason.MONITORING):
        owed = LedgerAccount.objects.filter(kind=RECEIVABLE).values_list("currency")
        return {(currency,): -total for currency, total in owed.annotate(total=Sum("balance_cents")).order_by()}


@gauge("trustengine_ledger_owing_vendors", "Vendors who owe something.", labels=["currency"])
def owing_vendors() -> dict[Sequence[str], float]:
    with every_row(Reason.MONITORING):
        owing = LedgerAccount.objects.filter(kind=RECEIVABLE, balance_cents__lt=0).values_list("currency")
        return {(currency,): count for currency, count in owing.annotate(count=Count("pk")).order_by()}


@gauge("trustengine_ledger_unbalanced_currencies", "Currencies whose accounts do not add up to zero.")
def unbalanced_currencies() -> float:
    with every_row(Reason.MONITORING):
        sums = LedgerAccount.objects.values("currency").annotate(total=Sum("balance_cents")).order_by()
        return sums.exclude(total=0).count()


def _seconds_since(moment: datetime | None) -> float:
    return max(0.0, (database_now() - moment).total_seconds()) if moment else 0.0
