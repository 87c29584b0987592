"""The moderators' desk in the past: cases that were opened and closed, and decisions that were taken."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from reports.models import Case, Decision, DecisionText
from trustengine.accounts.models import User
from trustengine.devtools.demo.world import World


class Desk:
    """Keeps cases and decisions as the services would have, with the moments of the past."""

    def __init__(self, world: World) -> None:
        self.world = world

    def open(self, content_type: str, content_id: UUID, author: User | None, queue: str, moment: datetime) -> Case:
        """A case that nothing closes unless told to. Its priority is worked out once everything is stored."""
        case = Case(
            id=self.world.uuid(moment),
            content_type=content_type,
            content_id=content_id,
            author=author,
            queue=queue,
            opened_at=moment,
            due_at=moment + timedelta(hours=settings.CASE_DUE_HOURS[queue]),
        )
        self.world.record(
            moment, "case.opened", case, after={"queue": queue, "content": f"{content_type}:{content_id}"}
        )
        return self.world.add(case)

    def close(self, case: Case, moment: datetime) -> None:
        """Nothing waits there any more."""
        case.state, case.closed_at = Case.State.CLOSED, moment
        case.version += 1

    def decide(
        self,
        case: Case | None,
        moment: datetime,
        *,
        content_type: str,
        content_id: UUID,
        author: User | None,
        action: str,
        reason: str,
        by: User | None,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        supersedes: Decision | None = None,
        facts: str = "",
        note: str = "",
    ) -> Decision:
        """Write down what a person or a rule decided, and close the case."""
        decision = Decision(
            id=self.world.uuid(moment),
            case=case,
            content_type=content_type,
            content_id=content_id,
            author=author,
            action=action,
            reason_id=reason,
            automated=by is None,
            moderator=by,
            supersedes=supersedes,
            before=before or {},
            after=after or {},
            created_at=moment,
            notice_after=moment + timedelta(seconds=settings.UNDO_SECONDS),
        )
        self.world.add(decision)
        if facts or note:
            self.world.add(DecisionText(decision=decision, facts=facts, note=note))
        told = {
            "content": f"{content_type}:{content_id}",
            "action": action,
            "case": case and case.pk,
            "supersedes": supersedes and supersedes.pk,
            "automated": by is None,
        }
        self.world.record(moment, "decision.taken", decision, actor=by, after=told, reason=reason)
        if case is not None:
            self.close(case, moment)
        return decision
