"""Decisions on reviews, by a person or by a rule (``actor=None``)."""

from uuid import UUID

from django.db import transaction

from reviews.errors import CaseChanged, ConflictOfInterest
from reviews.jobs import screen_review
from reviews.models import Review, ReviewPhoto, ReviewRevision
from reviews.ratings import rating_follows
from reviews.services.finding import lock_review
from reviews.services.quarantine import join_quarantine
from reviews.services.recording import decision
from trustengine.accounts.access import is_member
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidTransition, PermissionDenied
from trustengine.jobs.services import enqueue, publish

PERMISSION = "reviews.moderate_review"


@transaction.atomic
def approve_review(review_id: UUID, *, actor: User | None, revision: int | None = None, reason: str = "") -> Review:
    """Publish what waits: a first text, or an edit of an approved one. The rating moves with it.

    While new ratings of the product are in quarantine, one that is published for the
    first time joins them: it can be read, and does not count.
    ``revision`` is the number that the actor read. Raises CaseChanged if another one waits
    by now, InvalidTransition if nothing does, ReviewNotFound, ReviewDeleted,
    PermissionDenied, and ConflictOfInterest for one's own review or product. Photos that
    wait are decided with the text, and by a person only.
    """
    review = lock_for(review_id, actor)
    pending = _pending(review, revision)
    before = {"status": review.status, "rating": review.rating}
    if actor is None and review.photos.filter(state=ReviewPhoto.State.PENDING).exists():
        raise InvalidTransition("No rule has seen a photo: a person decides.")
    with decision(review, "approve", actor, reason), rating_follows(review):
        _settle(pending, ReviewRevision.State.APPROVED, actor)
        if review.status != Review.Status.APPROVED:
            join_quarantine(review)
        review.rating, review.title, review.comment = pending.rating, pending.title, pending.comment
        _decide(review, Review.Status.APPROVED, actor)
        _announce("review.approved", review, pending, actor, before, reason)
    return review


@transaction.atomic
def reject_review(review_id: UUID, *, actor: User | None, revision: int | None = None, reason: str) -> Review:
    """Refuse what waits. An approved review keeps its approved text; a first text is never published.

    Raises as ``approve_review``.
    """
    review = lock_for(review_id, actor)
    pending = _pending(review, revision)
    before = {"status": review.status, "rating": review.rating}
    with decision(review, "reject", actor, reason):
        _settle(pending, ReviewRevision.State.REJECTED, actor)
        if review.status != Review.Status.APPROVED:
            _decide(review, Review.Status.REJECTED, actor)
        else:
            enqueue(screen_review, key=review.pk)  # the approved text is again the one that copies are found by
        _announce("review.rejected", review, pending, actor, before, reason)
    return review


@transaction.atomic
def hide_review(review_id: UUID, *, actor: User | None, reason: str) -> Review:
    """Take a review out of public view and out of its product's rating. Hiding what is hidden changes nothing."""
    return _set_hidden(review_id, actor, reason, hidden=True)


@transaction.atomic
def restore_review(review_id: UUID, *, actor: User | None, reason: str) -> Review:
    """Show a hidden review again. Restoring what is shown changes nothing."""
    return _set_hidden(review_id, actor, reason, hidden=False)


def _set_hidden(review_id: UUID, actor: User | None, reason: str, *, hidden: bool) -> Review:
    review = lock_for(review_id, actor)
    if review.is_hidden == hidden:
        return review
    with decision(review, "hide" if hidden else "restore", actor, reason), rating_follows(review):
        review.is_hidden = hidden
        review.save(update_fields=["is_hidden", "updated_at"])
        verb = "review.hidden" if hidden else "review.restored"
        record(verb, review, actor=actor, before={"is_hidden": not hidden}, after={"is_hidden": hidden}, reason=reason)
        publish("reviews.visibility_changed", review_id=review.pk, product_id=review.product_id)
    return review


def lock_for(review_id: UUID, actor: User | None) -> Review:
    """A live review, locked for a decision by this actor, or by a rule.

    Raises ReviewNotFound, ReviewDeleted, PermissionDenied, ConflictOfInterest.
    """
    if actor is not None and not actor.has_perm(PERMISSION):
        raise PermissionDenied
    review = lock_review(review_id)
    if actor is not None and (review.author_id == actor.pk or is_member(actor, review.product.vendor_id)):
        raise ConflictOfInterest("You cannot decide on your own review, or on one of your own product.")
    return review


def _pending(review: Review, seen: int | None) -> ReviewRevision:
    pending = review.revisions.filter(state=ReviewRevision.State.PENDING).first()
    if pending is None:
        raise InvalidTransition("Nothing is waiting for a decision here: somebody may have decided meanwhile.")
    if seen is not None and pending.number != seen:
        raise CaseChanged
    return pending


def _settle(revision: ReviewRevision, state: ReviewRevision.State, actor: User | None) -> None:
    revision.state, revision.decided_at, revision.decided_by = state, database_now(), actor
    revision.save(update_fields=["state", "decided_at", "decided_by"])
    # A photo that arrives makes a new revision wait: these are the ones that the actor saw.
    photos = revision.review.photos.filter(state=ReviewPhoto.State.PENDING)
    photos.update(state=ReviewPhoto.State(state), decided_at=revision.decided_at)


def _decide(review: Review, status: Review.Status, actor: User | None) -> None:
    review.status, review.moderated_by, review.moderated_at = status, actor, database_now()
    review.save(update_fields=["rating", "title", "comment", "status", "moderated_by", "moderated_at", "updated_at"])


def _announce(
    verb: str, review: Review, revision: ReviewRevision, actor: User | None, before: dict[str, object], reason: str
) -> None:
    after = {"status": review.status, "rating": review.rating, "revision": revision.number, "automated": actor is None}
    record(verb, review, actor=actor, before=before, after=after, reason=reason)
    publish("reviews.review_decided", review_id=review.pk, product_id=review.product_id, author_id=review.author_id)
