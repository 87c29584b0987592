"""Separation of duties: which decisions take two people, and which were taken by two."""

from uuid import UUID

from reports.contents import kind_of
from reports.models import Action, Case, Decision, ReasonCode

ILLEGAL = ReasonCode.Ground.ILLEGAL


def needs_second_person(action: str, reason: ReasonCode, case: Case) -> bool:
    """Whether a second person approves: suspensions, removals on legal grounds, and ending such a removal."""
    if action == Action.REMOVE:
        return reason.ground == ILLEGAL
    return action == Action.SUSPEND or (action == Action.RESTORE and is_down_by_two(case.content_type, case.content_id))


def took_two(decision: Decision) -> bool:
    """Whether two people took a decision, so that two people take it back."""
    return hasattr(decision, "proposal")


def is_down_by_two(content_type: str, content_id: UUID) -> bool:
    """Whether a content is removed on a legal ground, which two people decided. On another one, one person restores.

    The content itself says it, whatever was decided later or elsewhere. In 0.1.0 it did not where it had been
    down on the terms before: there the decision of two people that still stands says it.
    """
    content = kind_of(content_type).get(content_id)
    if content is None or content.removed_at is None:
        return False
    removals = Decision.objects.filter(content_type=content_type, content_id=content_id, action=Action.REMOVE)
    by_two = removals.filter(proposal__isnull=False, superseded_by=None, created_at__gte=content.removed_at)
    return content.removal_ground == ILLEGAL or by_two.exists()
