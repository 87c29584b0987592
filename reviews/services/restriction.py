"""Restricting: a review stays visible to its author and to moderators, and to nobody else."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from reviews.models import Restriction, Review
from reviews.ratings import rating_follows
from reviews.services.moderation import lock_for
from reviews.services.recording import decision
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, InvalidTransition
from trustengine.jobs.services import publish

# Article 17(2) of the Digital Services Act: the one kind of content whose author need not be told.
EXCEPTED = frozenset({Restriction.Ground.DECEPTIVE_HIGH_VOLUME_COMMERCIAL})


@transaction.atomic
def restrict_review(
    review_id: UUID,
    *,
    actor: User | None,
    ground: str,
    expires_at: datetime | None = None,
    notify: bool = True,
    reason: str = "",
) -> Restriction:
    """Show a review to its author and to moderators only; the rating moves with it.

    The author is told the ground, unless it is excepted and ``notify`` is False. Repeating
    it on the same ground changes nothing. Raises InvalidInput for an unknown ground, an end
    in the past, or silence on a ground that does not allow it; InvalidTransition where
    another restriction holds; ReviewNotFound, ReviewDeleted, PermissionDenied,
    ConflictOfInterest.
    """
    _check(ground, expires_at, notify)
    review = lock_for(review_id, actor)
    active = review.restrictions.active().first()
    if active is not None:
        if active.ground == ground:
            return active
        raise InvalidTransition("This review is restricted on another ground: lift that first.")
    with decision(review, "restrict", actor, reason):
        restriction: Restriction = review.restrictions.create(
            ground=ground, is_notified=notify, imposed_by=actor, expires_at=expires_at
        )
        after = {
            "restricted_at": restriction.imposed_at,
            "restriction": restriction.pk,
            "ground": ground,
            "notified": notify,
            "expires_at": expires_at,
        }
        _move(review, restriction.imposed_at)
        record("review.restricted", review, actor=actor, before={"restricted_at": None}, after=after, reason=reason)
        _announce("reviews.review_restricted", review, restriction)
    return restriction


@transaction.atomic
def lift_restriction(review_id: UUID, *, actor: User | None, reason: str = "") -> Review:
    """Show a restricted review again, if nothing else keeps it back. Lifting what is not there changes nothing.

    Raises ReviewNotFound, ReviewDeleted, PermissionDenied, ConflictOfInterest.
    """
    review = lock_for(review_id, actor)
    active = review.restrictions.active().first()
    if active is not None:
        _lift(review, active, actor, reason)
    return review


@transaction.atomic
def expire_restriction(restriction_id: UUID) -> bool:
    """Lift a restriction whose time is over; False if it is not, or has been lifted already."""
    found = Restriction.objects.active().filter(pk=restriction_id, expires_at__lte=database_now()).first()
    if found is None:
        return False
    # Withdrawn reviews too: their restrictions end like others.
    review = Review.objects.select_for_update(of=("self",), no_key=True).get(pk=found.review_id)
    active = review.restrictions.active().filter(pk=restriction_id).first()  # read again, now that the lock is held
    if active is None:
        return False
    _lift(review, active, None, "expired")
    return True


def _check(ground: str, expires_at: datetime | None, notify: bool) -> None:
    if ground not in Restriction.Ground.values:
        raise InvalidInput(fields={"ground": "Not a ground for a restriction."})
    if not notify and ground not in EXCEPTED:
        raise InvalidInput(fields={"notify": "On this ground the author has to be told."})
    if expires_at is not None and expires_at <= database_now():
        raise InvalidInput(fields={"expires_at": "The end lies in the past."})


def _lift(review: Review, restriction: Restriction, actor: User | None, reason: str) -> None:
    before = {"restriction": restriction.pk, "ground": restriction.ground, "restricted_at": review.restricted_at}
    with decision(review, "restore", actor, reason):
        restriction.lifted_at, restriction.lifted_by = database_now(), actor
        restriction.save(update_fields=["lifted_at", "lifted_by"])
        _move(review, None)
        after = {"restricted_at": None}
        record("review.restriction_lifted", review, actor=actor, before=before, after=after, reason=reason)
        _announce("reviews.restriction_lifted", review, restriction)


def _move(review: Review, restricted_at: datetime | None) -> None:
    with rating_follows(review):
        review.restricted_at = restricted_at
        # Not updated_at, which the author sees: a restriction that is excepted from notice must not show there.
        review.save(update_fields=["restricted_at"])


def _announce(event: str, review: Review, restriction: Restriction) -> None:
    about: dict[str, Any] = {"review_id": review.pk, "product_id": review.product_id}
    publish(
        event,
        **about,
        author_id=review.author_id,
        restriction_id=restriction.pk,
        notified=restriction.is_notified,
    )
    publish("reviews.visibility_changed", **about)
