"""Rows for tests, made through the services, so that they are as the system makes them."""

from typing import Any

from reports.models import Case, Decision, Proposal, Report
from reports.services.claiming import claim_case
from reports.services.deciding import decide
from reports.services.reporting import submit_report
from reviews.models import Review
from reviews.tests.factories import approved_review
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import StaffFactory, UserFactory


def moderator(**fields: Any) -> User:
    return StaffFactory(groups=["Moderators"], **fields)


def senior(**fields: Any) -> User:
    return StaffFactory(groups=["Senior moderators"], **fields)


def reported(review: Review | None = None, *, reason: str = "spam", reporter: User | None = None) -> Report:
    review = review or approved_review()
    return submit_report(reporter=reporter or UserFactory(), content_type="review", content_id=review.pk, reason=reason)


def decided(case: Case, action: str, reason: str = "spam", by: User | None = None, **words: str) -> Decision | Proposal:
    """The case decided at its present version by a moderator who has claimed it."""
    by = by or moderator()
    claimed = claim_case(case.pk, moderator=by)
    return decide(case.pk, moderator=by, action=action, reason_code=reason, version=claimed.version, **words)
