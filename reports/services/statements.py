"""Telling those concerned: a statement of reasons for each, once the time for undoing is over."""

from reports.models import Action, Decision
from trustengine.jobs.services import publish

SILENT = frozenset({Action.UNDO})


def announce(decision: Decision) -> None:
    """Have the statements of a decision made and delivered after its grace period, unless it is undone by then."""
    if decision.action in SILENT:
        return
    from reports.jobs import deliver_statements
    from trustengine.jobs.services import enqueue

    enqueue(deliver_statements, key=decision.pk, run_at=decision.notice_after)
    publish("reports.decision_taken", decision_id=decision.pk, author_id=decision.author_id)
