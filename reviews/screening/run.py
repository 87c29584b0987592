"""One screening: the revision that waits, every check, the policy, and what follows."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import asdict
from uuid import UUID

import structlog
from django.db import transaction

from reviews.errors import ReviewDeleted, ReviewNotFound
from reviews.fingerprints import bands_of, refresh_fingerprint, remember_fingerprint
from reviews.models import Restriction, Review, ReviewRevision, Screening
from reviews.reputation import standing_of
from reviews.screening import (
    advertising,
    authors,
    bursts,
    contact,
    copies,
    deny_list,
    edits,
    gibberish,
    opinions,
    policy,
    shouting,
)
from reviews.screening.catalogue import found
from reviews.screening.resubmission import check_record, published_before
from reviews.screening.signals import Candidate, Check, HistoryCheck, Signal, Submission
from reviews.services.finding import lock_review
from reviews.services.moderation import approve_review, reject_review
from reviews.services.opinions import is_awaited
from reviews.services.quarantine import open_quarantine
from reviews.services.restriction import restrict_review
from trustengine.audit.services import record
from trustengine.jobs.services import publish

logger = structlog.get_logger(__name__)

TEXT_CHECKS: tuple[Check, ...] = (contact.check, advertising.check, shouting.check, gibberish.check, edits.check)
HISTORY_CHECKS: tuple[HistoryCheck, ...] = (
    deny_list.check,
    copies.check,
    bursts.product_burst,
    bursts.vendor_burst,
    bursts.author_burst,
    bursts.origin_burst,
    authors.fresh_account,
    authors.continuity,
)

Verdict = Screening.Verdict


@transaction.atomic
def screen(review_id: UUID) -> Screening | None:
    """Screen what waits in a review; None if nothing does, it has been screened before, or an opinion is awaited."""
    try:
        review = lock_review(review_id)
    except (ReviewNotFound, ReviewDeleted):
        return None
    revision = review.revisions.filter(state=ReviewRevision.State.PENDING, screening=None).first()
    if revision is None:
        refresh_fingerprint(review.pk)  # somebody decided first, or turned an edit down: copies are found all the same
        return None
    if is_awaited(review, revision):
        return None  # whatever becomes of it has the review screened again
    in_force = policy.policy_in_force()
    candidate = Candidate(revision.title, revision.comment, published_before(review))
    found_so_far = [*find_signals(candidate), *find_in_history(review, revision, candidate)]
    found_so_far += [*check_record(review, revision), *opinions.check(revision)]
    signals = in_force.weighed(found_so_far)
    remember_fingerprint(review.pk, revision=revision.number, bands=bands_of(candidate.text))
    screening = Screening.objects.create(
        revision=revision,
        verdict=policy.decide(signals, standing_of(review.author_id), in_force),
        signals=[asdict(signal) for signal in signals],
        score=policy.score(signals),
        policy_version=in_force.version,
    )
    after = {"revision": revision.number, "verdict": screening.verdict, "signals": [signal.name for signal in signals]}
    record("review.screened", review, after=after | {"policy_version": in_force.version})
    for signal in filter(bursts.is_attack, signals):
        open_quarantine(review.product_id, actor=None, reason=signal.name, numbers=signal.data)
    publish("reviews.review_screened", review_id=review.pk, verdict=screening.verdict)
    _carry_out(screening, review, revision, signals)
    return screening


def find_signals(candidate: Candidate) -> list[Signal]:
    """What the checks find in a text itself. Asks nothing of the database."""
    return [signal for check in TEXT_CHECKS for signal in _attempt(check, candidate)]


def edit_of(review: Review, revision: ReviewRevision) -> Candidate:
    """A revision with the text that it would replace. Asks nothing of the database."""
    published = f"{review.title}\n{review.comment}" if review.status == Review.Status.APPROVED else None
    return Candidate(revision.title, revision.comment, published)


def find_in_history(review: Review, revision: ReviewRevision, candidate: Candidate) -> list[Signal]:
    """What the checks find in what else there is: other texts, other moments, the author's past."""
    submission = Submission(
        candidate,
        review_id=review.pk,
        revision=revision.number,
        product_id=review.product_id,
        author_id=review.author_id,
        rating=revision.rating,
        written_at=revision.created_at,
        is_first=revision.number == 1,
        ip_hash=revision.ip_hash,
        agent_hash=revision.agent_hash,
    )
    return [signal for check in HISTORY_CHECKS for signal in _attempt(check, submission)]


def _attempt(check: Callable[..., Iterable[Signal]], given: Candidate | Submission) -> list[Signal]:
    """The signals of one check. One that fails is a signal itself, so that a moderator decides, and the rest counts.

    Where the database is away, what follows fails as well, and the job is tried again.
    """
    try:
        with transaction.atomic() if isinstance(given, Submission) else nullcontext():
            return list(check(given))
    except Exception:
        name = f"{check.__module__.rpartition('.')[2]}.{check.__name__}"
        logger.exception("screening_check_failed", check=name)
        return [found("check_failed", "One of the checks could not be made.", check=name)]


def _carry_out(screening: Screening, review: Review, revision: ReviewRevision, signals: list[Signal]) -> None:
    """What a verdict leads to. What is queued waits for a moderator, and so does what is restricted meanwhile."""
    if screening.verdict == Verdict.APPROVE:
        approve_review(review.pk, actor=None, revision=revision.number, reason="trusted_author")
    elif screening.verdict == Verdict.REJECT:
        blocked = next(signal for signal in signals if signal.name == policy.BLOCKED)
        reject_review(review.pk, actor=None, revision=revision.number, reason=blocked.data["reason"])
    elif screening.verdict == Verdict.RESTRICT:
        ground = Restriction.Ground.MANIPULATED_RATING
        restrict_review(review.pk, actor=None, ground=ground, reason="screening_policy")
