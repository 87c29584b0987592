"""One screening: the revision that waits, every check, the policy, and what follows."""

from dataclasses import asdict
from uuid import UUID

from django.db import transaction

from reviews.errors import ReviewDeleted, ReviewNotFound
from reviews.models import Review, ReviewRevision, Screening
from reviews.reputation import standing_of
from reviews.screening import contact, edits, policy
from reviews.screening.resubmission import check_record, published_before
from reviews.screening.signals import Candidate, Check, Signal
from reviews.services.finding import lock_review
from reviews.services.moderation import approve_review
from trustengine.audit.services import record
from trustengine.jobs.services import publish

CHECKS: tuple[Check, ...] = (contact.check, edits.check)


@transaction.atomic
def screen(review_id: UUID) -> Screening | None:
    """Screen what waits in a review; None if nothing does, or it has been screened before."""
    try:
        review = lock_review(review_id)
    except (ReviewNotFound, ReviewDeleted):
        return None
    revision = review.revisions.filter(state=ReviewRevision.State.PENDING, screening=None).first()
    if revision is None:
        return None
    signals = find_signals(review, revision)
    verdict = policy.decide(signals, standing_of(review.author_id))
    screening = Screening.objects.create(
        revision=revision,
        verdict=verdict,
        signals=[asdict(signal) for signal in signals],
        policy_version=policy.VERSION,
    )
    after = {"revision": revision.number, "verdict": verdict, "signals": [signal.name for signal in signals]}
    record("review.screened", review, after=after | {"policy_version": policy.VERSION})
    publish("reviews.review_screened", review_id=review.pk, verdict=verdict)
    if verdict == Screening.Verdict.APPROVE:
        approve_review(review.pk, actor=None, revision=revision.number, reason="trusted_author")
    return screening


def find_signals(review: Review, revision: ReviewRevision) -> list[Signal]:
    """Everything the checks find in a revision."""
    candidate = Candidate(revision.title, revision.comment, published_before(review))
    signals = [signal for check in CHECKS for signal in check(candidate)]
    return signals + list(check_record(review, revision))
