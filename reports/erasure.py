"""What reports take away of a person: what they reported and said to decisions, and what was written about theirs.

Rows stay without their words: that something was reported, decided and appealed against,
when, and for which reason, is the record of moderation. What an erased reporter saw stays
with its report, as it is somebody else's; what was reported of an erased author goes,
and with it what reporters and moderators wrote or uploaded about it.
Locks: case by id → its decision, its content → report by id; or rows of one table by id.
"""

from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from reports.jobs import follow_case, reporters_changed
from reports.models import Appeal, Case, ContentType, DecisionText, Proposal, Report, StatementOfReasons
from reports.services.cases import lock_case
from reports.services.deciding import lock_decision
from reports.services.evidence import delete_evidence_of
from reports.services.reporting import take_back
from reviews.models import Review, VendorReply
from trustengine.accounts.erasing import eraser
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.jobs.services import enqueue

REPORTS_PER_BATCH = 50  # each may wait for a case and its content
# Worded reports: a file is words too.
WORDED = ~Q(description="") | Q(evidence__isnull=False)


@eraser("reports.cases", order=25)
def forget_in_cases(user: User, limit: int) -> int:
    """What cases of their reviews quote: the title in what they stood for, and what screening found."""
    theirs = Case.objects.filter(author=user, content_type=ContentType.REVIEW).exclude(parts=[], fingerprint="")
    some = theirs.order_by("pk").select_for_update(of=("self",), no_key=True)
    ids = list(some.values_list("pk", flat=True)[:limit])
    return Case.objects.filter(pk__in=ids).update(parts=[], fingerprint="")


@eraser("reports.reported", order=26, most=REPORTS_PER_BATCH)
def forget_what_was_reported(user: User, limit: int) -> int:
    """Snapshots of their reviews and of replies to these, with descriptions and files of whoever reported them."""
    about = Report.objects.filter(_about(user)).filter(~Q(snapshot={}) | WORDED).distinct()
    for report_id in (ids := sorted(about.values_list("pk", flat=True)[:limit])):
        report = Report.objects.select_for_update(of=("self",), no_key=True).get(pk=report_id)
        _forget_words(report, snapshot={})
    return len(ids)


@eraser("reports.decisions", order=27)
def forget_in_decisions(user: User, limit: int) -> int:
    """What moderators wrote on what was theirs, for themselves or for the author."""
    texts = DecisionText.objects.filter(Q(decision__author=user) | _about(user, "decision__"))
    return _blank(texts, limit, "note", "facts")


@eraser("reports.proposals", order=28)
def forget_in_proposals(user: User, limit: int) -> int:
    return _blank(Proposal.objects.filter(Q(case__author=user) | _about(user, "case__")), limit, "note", "facts")


@eraser("reports.reports", order=32, most=REPORTS_PER_BATCH)
def forget_reports(user: User, limit: int) -> int:
    """What they reported in their own words, files included; what waits is withdrawn, with counts exact."""
    left = Report.objects.filter(WORDED | Q(status=Report.Status.PENDING), reporter=user).distinct()
    found = list(left.values_list("case", "pk")[:limit])
    for case_id, report_id in sorted(found, key=lambda pair: (str(pair[0]), pair[1])):
        _forget_report(case_id, report_id)
    if found:
        reporters_changed([user.pk])
    return len(found)


@eraser("reports.appeals", order=33, most=REPORTS_PER_BATCH)
def forget_appeals(user: User, limit: int) -> int:
    """Appeals that wait have nobody left to hear them: the decisions stand. All lose their words, rulings included."""
    waiting = Appeal.objects.filter(appellant=user, state=Appeal.State.PENDING).order_by("case", "pk")
    pending = list(waiting.values_list("pk", "case", "decision")[:limit])
    for appeal_id, case_id, decision_id in pending:
        _let_stand(appeal_id, case_id, decision_id)
    theirs = Appeal.objects.filter(Q(appellant=user) | Q(decision__author=user) | _about(user, "decision__"))
    return max(len(pending), _blank(theirs, limit, "text", "ruling_text"))


@eraser("reports.statements", order=34)
def forget_statements(user: User, limit: int) -> int:
    """What they were told, which quotes the facts."""
    return _blank(StatementOfReasons.objects.filter(recipient=user), limit, "text")


@eraser("reports.quotations", order=35)
def forget_quotations(user: User, limit: int) -> int:
    """How their texts begin, in what they and those who reported them were told."""
    told = StatementOfReasons.objects.filter(
        Q(recipient=user) | Q(decision__author=user) | _about(user, "decision__")
    ).exclude(about={})
    some = told.order_by("pk").select_for_update(of=("self",), no_key=True)
    ids = list(some.values_list("pk", flat=True)[:limit])
    return StatementOfReasons.objects.filter(pk__in=ids).update(about={})


def _about(user: User, path: str = "") -> Q:
    """Rows about contents of theirs, which are named by (type, id)."""
    reviews = Review.objects.filter(author=user).values("pk")
    replies = VendorReply.objects.filter(review__author=user).values("pk")
    kind, key = f"{path}content_type", f"{path}content_id__in"
    return Q(**{kind: ContentType.REVIEW, key: reviews}) | Q(**{kind: ContentType.REPLY, key: replies})


def _blank(rows: QuerySet[Any], limit: int, *fields: str) -> int:
    """Empty these texts of so many rows that have any; returns of how many."""
    worded = reduce(or_, [~Q(**{field: ""}) for field in fields])
    some = rows.filter(worded).order_by("pk").select_for_update(of=("self",), no_key=True)
    ids = list(some.values_list("pk", flat=True)[:limit])
    return rows.model._default_manager.filter(pk__in=ids).update(**dict.fromkeys(fields, ""))


def _forget_report(case_id: UUID | None, report_id: UUID) -> None:
    if case_id is not None:
        lock_case(case_id)
    report = Report.objects.get(pk=report_id)
    if report.status == Report.Status.PENDING:
        take_back(report, actor=None)
    _forget_words(report)


def _forget_words(report: Report, **fields: Any) -> None:
    delete_evidence_of(report, actor=None)
    Report.objects.filter(pk=report.pk).update(description="", updated_at=database_now(), **fields)
    record("report.erased", report)


def _let_stand(appeal_id: UUID, case_id: UUID, decision_id: UUID) -> None:
    lock_case(case_id)
    decision = lock_decision(decision_id)
    pending = Appeal.objects.filter(pk=appeal_id, state=Appeal.State.PENDING)
    if pending.update(state=Appeal.State.UPHELD, ruled_at=database_now()):
        record("appeal.moot", ("reports.appeal", appeal_id), after={"decision": decision.pk, "state": "upheld"})
        enqueue(follow_case, key=f"{decision.content_type}:{decision.content_id}")
