"""Cases follow what happens to contents: opened, kept up to date, closed. Locks: the case, before its content."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from orders.models import Product
from reports.contents import Kind, kind_of
from reports.listings import concern_about
from reports.models import Appeal, Case, Decision, Report, ReporterRecord
from reports.priority import NEUTRAL, Circumstances, parts_of, pressure, reliability, told
from reviews.models import Review, ReviewRevision
from reviews.reputation import standing_of
from trustengine.audit.services import record
from trustengine.database_time import database_now

LISTING_SEVERITY = 6  # as of a report of fraud or the like: buyers are told what is no longer so
QUEUES_BY_URGENCY = (Case.Queue.APPEALS, Case.Queue.REPORTS, Case.Queue.RESTRICTED, Case.Queue.PENDING)


def lock_case(case_id: UUID) -> Case | None:
    return Case.objects.select_for_update(of=("self",), no_key=True).filter(pk=case_id).first()


def lock_open_case(content_type: str, content_id: UUID) -> Case | None:
    """The open case of a content, locked; one that was closed while this waited is none."""
    open_cases = Case.objects.open().filter(content_type=content_type, content_id=content_id)
    return open_cases.select_for_update(of=("self",), no_key=True).first()


def open_case(content_type: str, content_id: UUID, *, queue: str, author_id: UUID | None) -> Case:
    """The open case of a content, locked: the one there is, or a new one. Never two, however many ask at once."""
    for _ in range(3):
        if (case := lock_open_case(content_type, content_id)) is not None:
            return case
        now = database_now()
        try:
            with transaction.atomic():
                case = Case.objects.create(
                    content_type=content_type,
                    content_id=content_id,
                    author_id=author_id,
                    queue=queue,
                    opened_at=now,
                    due_at=now + timedelta(hours=settings.CASE_DUE_HOURS[queue]),
                )
                record("case.opened", case, after={"queue": queue, "content": f"{content_type}:{content_id}"})
                return case
        except IntegrityError:
            continue  # another transaction has just opened it: wait for that one
    raise RuntimeError(f"no open case for {content_type} {content_id}")


@transaction.atomic
def follow(content_type: str, content_id: UUID) -> Case | None:
    """Bring the case of a content in line with what waits there: open, refresh or close it.

    The one place that knows when a case is due. Run after anything that happens to a
    content; a repeat changes nothing.
    """
    kind = kind_of(content_type)
    content = kind.get(content_id)
    queue = _queue_of(kind, content, content_id)
    if queue is None:
        case = lock_open_case(content_type, content_id)
        if case is not None:
            _close_idle(case, withdrawn=content is None)
        return None
    case = open_case(content_type, content_id, queue=queue, author_id=kind.author_id(content) if content else None)
    if content is not None:
        _revive_reports(case)
    refresh(case, kind, content, queue=queue)
    return case


def refresh(case: Case, kind: Kind, content: Any, *, queue: str | None = None) -> None:
    """Work out a locked case's queue and priority anew; its version moves where a decision has to know."""
    pending = Report.objects.pending().filter(content_type=case.content_type, content_id=case.content_id)
    reports = list(pending.select_related("reason"))
    parts = parts_of(_circumstances(kind, content, case, reports))
    seen = _fingerprint(kind, content, [report.pk for report in reports])
    changed: dict[str, Any] = {"pressure": pressure(parts, case.opened_at), "parts": told(parts)}
    if queue is not None and queue != case.queue:
        case.queue = changed["queue"] = queue
        case.due_at = changed["due_at"] = case.opened_at + timedelta(hours=settings.CASE_DUE_HOURS[queue])
    if seen != case.fingerprint:
        case.fingerprint = changed["fingerprint"] = seen
        case.version += 1
        changed["version"] = F("version") + 1
    Case.objects.filter(pk=case.pk).update(**changed, updated_at=database_now())
    case.pressure, case.parts = changed["pressure"], changed["parts"]


def is_as_seen(case: Case) -> bool:
    """Whether a locked case still stands for what is there, content locked too: a job may be about to renew it."""
    kind = kind_of(case.content_type)
    list(kind.model._default_manager.select_for_update(of=("self",), no_key=True).filter(pk=case.content_id))
    pending = Report.objects.pending().filter(content_type=case.content_type, content_id=case.content_id)
    return _fingerprint(kind, kind.get(case.content_id), list(pending.values_list("pk", flat=True)[:1])) == (
        case.fingerprint
    )


def close(case: Case) -> None:
    """Close a locked case: nothing waits there any more. Whoever had claimed it is free."""
    case.state, case.closed_at = Case.State.CLOSED, database_now()
    case.claimed_by, case.claim_expires_at = None, None
    case.version += 1
    case.save(update_fields=["state", "closed_at", "claimed_by", "claim_expires_at", "version", "updated_at"])


def settle_reports(case: Case, decision: Decision) -> list[Report]:
    """Give the pending reports of a locked case their outcome."""
    actioned = decision.action in {"reject", "hide", "remove", "restrict", "warn", "suspend"}
    status = Report.Status.ACTIONED if actioned else Report.Status.DISMISSED
    pending = Report.objects.pending().filter(content_type=case.content_type, content_id=case.content_id)
    reports = list(pending.select_for_update(of=("self",), no_key=True).order_by("pk"))
    Report.objects.filter(pk__in=[report.pk for report in reports]).update(
        status=status,
        reviewed_at=decision.created_at,
        reviewed_by=decision.moderator,
        case=case,
        updated_at=database_now(),
    )
    return reports


def _queue_of(kind: Kind, content: Any, content_id: UUID) -> str | None:
    """Where a content belongs at present, the most urgent first; None where nothing waits."""
    appeals = Appeal.objects.filter(
        state=Appeal.State.PENDING, decision__content_type=kind.name, decision__content_id=content_id
    )
    if appeals.exists():
        return Case.Queue.APPEALS
    if content is None:
        return None
    unanswered = [Report.Status.PENDING, Report.Status.MOOT]  # moot ones wait again once there is a content
    if Report.objects.filter(content_type=kind.name, content_id=content_id, status__in=unanswered).exists():
        return Case.Queue.REPORTS
    if isinstance(content, Review) and _restricted_undecided(content):
        return Case.Queue.RESTRICTED
    if kind.waits(content):
        return Case.Queue.PENDING
    looked_back = Case.objects.open().filter(
        content_type=kind.name, content_id=content_id, batch__isnull=False, batch__state__in=["running", "done"]
    )
    return Case.Queue.PENDING if looked_back.exists() else None


def _restricted_undecided(review: Review) -> bool:
    """Restricted by a rule, so that a person should look."""
    return review.restricted_at is not None and review.restrictions.active().filter(imposed_by=None).exists()


def _close_idle(case: Case, *, withdrawn: bool) -> None:
    """Close a case that nothing feeds any more; reports of a withdrawn content are moot: nobody has looked."""
    if withdrawn:
        pending = Report.objects.pending().filter(content_type=case.content_type, content_id=case.content_id)
        pending.update(status=Report.Status.MOOT, case=case, updated_at=database_now())
    close(case)
    record("case.closed", case, after={"why": "content_withdrawn" if withdrawn else "nothing_waits"})


def _revive_reports(case: Case) -> None:
    """Have moot reports of a locked case wait again: its content is back, as a reply that is written anew.

    Withdrawing it was no answer, and its reporters cannot report it twice.
    """
    moot = Report.objects.filter(content_type=case.content_type, content_id=case.content_id, status=Report.Status.MOOT)
    moot.update(status=Report.Status.PENDING, updated_at=database_now())


def _circumstances(kind: Kind, content: Any, case: Case, reports: list[Report]) -> Circumstances:
    records = ReporterRecord.objects.in_bulk([report.reporter_id for report in reports])
    weights = [reliability(records.get(report.reporter_id)) for report in reports]
    standing = standing_of(case.author_id) if case.author_id else None
    heaviest = max((report.reason for report in reports), key=lambda reason: reason.severity, default=None)
    severity, words = _signals_severity(content)
    if heaviest is not None and heaviest.severity >= severity:
        severity, words = heaviest.severity, f"reported as “{heaviest.label.lower()}”"
    return Circumstances(
        severity=severity,
        severity_words=words,
        reliabilities=weights,
        burst=_is_brigade(reports, weights),
        score=standing.score if standing else 50,
        warnings=getattr(standing, "warnings_count", 0) if standing else 0,
        views=kind.exposure(content) if content is not None else 0,
        is_pending=content is not None and not kind.is_visible(content, None),
    )


def _signals_severity(content: Any) -> tuple[int, str]:
    """What automatic screening found in the text that waits, as a severity of 2 to 8."""
    if isinstance(content, Product) and (concern := concern_about(content)) is not None:
        return LISTING_SEVERITY, concern.words
    if not isinstance(content, Review):
        return 2, "nothing found by the automatic checks"
    waiting = content.revisions.filter(state=ReviewRevision.State.PENDING).select_related("screening").first()
    signals = getattr(getattr(waiting, "screening", None), "signals", None) or []
    if not signals:
        return 2, "nothing found by the automatic checks"
    weightiest = max(signals, key=lambda signal: float(signal.get("weight", 0)))
    return 2 + round(6 * min(1.0, float(weightiest.get("weight", 0)))), str(weightiest.get("sentence", ""))[:200]


def _is_brigade(reports: Iterable[Report], weights: Iterable[float]) -> bool:
    since = database_now() - timedelta(minutes=settings.BRIGADE_MINUTES)
    fresh = [
        weight
        for report, weight in zip(reports, weights, strict=True)
        if report.created_at >= since and weight <= NEUTRAL
    ]
    return len(fresh) >= settings.BRIGADE_REPORTS


def _fingerprint(kind: Kind, content: Any, reports: list[UUID]) -> str:
    """What a decision is based on: the latest text and state. A further report alone does not make it another."""
    if content is None:
        return "gone"
    told_of = kind.snapshot(content)
    version = [told_of.get(name) for name in ("revision", "status", "edit_count", "is_active", "title")]
    return "|".join(str(part) for part in [*version, bool(reports)])[:200]
