"""Bringing derived values in line with the rows just stored, by the functions that define them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from billing.services.bookkeeping import book_orders
from metrics.calendar import days_within
from metrics.rebuilding import rebuild_days
from orders.models import Order, Product
from reports import records
from reports.contents import kind_of
from reports.models import Case, Decision, Proposal, Report, StatementOfReasons
from reports.services import cases
from reports.services.statements import compose
from reviews.derivations import fold
from reviews.models import ProductRating, Review
from reviews.ratings import counted_stars, note_told
from reviews.reputation import recompute
from reviews.trends import refresh
from trustengine.devtools.demo.world import set_moments
from trustengine.operations.backfilling import Days

LONGEST_DEMO_DAYS = 10_000


def derive_everything(*, voted_on: Sequence[UUID]) -> None:
    """All that follows from the rows: statuses, books, ratings, the rest. Without jobs, whose time is the present."""
    annotated: Any = Order.objects.with_derived_status()
    derived = list(annotated.values_list("pk", "derived_status", "derived_delivered_at"))
    for status in Order.Status:
        Order.objects.filter(pk__in=[pk for pk, found, _ in derived if found == status]).update(status=status)
    set_moments(Order, "delivered_at", {pk: moment for pk, _, moment in derived if moment})
    book_orders([pk for pk, _, _ in derived], history=True)
    ProductRating.objects.bulk_create(ProductRating(**counts) for counts in counted_stars(Review.objects.all()))
    note_told(list(Product.objects.values_list("pk", flat=True)))
    fold(voted_on)
    refresh(Product.objects.values_list("pk", flat=True))
    reporters = list(Report.objects.order_by().values_list("reporter", flat=True).distinct())
    records.recompute(reporters)
    authors = Review.objects.order_by().values_list("author", flat=True).distinct()
    recompute(*{*authors, *reporters})
    rebuild_days(days_within(Days(), after=None, limit=LONGEST_DEMO_DAYS))
    _weigh_cases()
    _tell_those_concerned()


def _weigh_cases() -> None:
    """How pressing each open case is, and what its version is about."""
    for case in Case.objects.open().order_by("pk"):
        kind = kind_of(case.content_type)
        cases.refresh(case, kind, kind.get(case.content_id))
    for proposal in Proposal.objects.filter(state=Proposal.State.OPEN).select_related("case"):
        Proposal.objects.filter(pk=proposal.pk).update(case_version=proposal.case.version)


def _tell_those_concerned() -> None:
    """Statements of reasons for the decisions that limited somebody, and the mails that carried them."""
    limiting = Decision.objects.filter(action__in=["hide", "remove", "reject"], author__isnull=False)
    limiting = limiting.select_related("author", "reason", "text")
    statements = [
        StatementOfReasons(
            decision=decision,
            recipient=decision.author,
            role=StatementOfReasons.Role.AUTHOR,
            text=compose(decision, StatementOfReasons.Role.AUTHOR),
            created_at=decision.notice_after,
            mailed_at=decision.notice_after,
        )
        for decision in limiting
        if decision.author_id is not None
    ]
    StatementOfReasons.objects.bulk_create(statements)
