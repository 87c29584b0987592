"""Taking down: the content leaves every page, and a tombstone says on which ground."""

from uuid import UUID

from django.db import transaction

from reviews.models import Review, VendorReply
from reviews.ratings import rating_follows
from reviews.services.moderation import lock_for
from reviews.services.recording import decision
from reviews.services.reply_moderation import lock_reply_for
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.jobs.services import publish


@transaction.atomic
def remove_review(review_id: UUID, *, actor: User | None, reason: str, ground: str = "terms") -> Review:
    """Take a review down; ``reason`` is a code of the catalogue, which the tombstone names beside the
    ground, ``illegal`` or ``terms``. Idempotent; what is down on the terms may still be found illegal.

    Raises ReviewNotFound, ReviewDeleted, PermissionDenied, ConflictOfInterest.
    """
    review = lock_for(review_id, actor)
    if review.removed_at is not None and (ground != "illegal" or review.removal_ground == ground):
        return review
    with decision(review, "remove", actor, reason), rating_follows(review):
        review.removed_at, review.removal_reason, review.removal_ground = database_now(), reason, ground
        review.save(update_fields=["removed_at", "removal_reason", "removal_ground", "updated_at"])
        record("review.removed", review, actor=actor, after={"removed_at": review.removed_at}, reason=reason)
        publish("reviews.visibility_changed", review_id=review.pk, product_id=review.product_id)
    return review


@transaction.atomic
def bring_back_review(review_id: UUID, *, actor: User | None, reason: str) -> Review:
    """End a removal: the tombstone gives way to the review. Idempotent. Raises as ``remove_review``."""
    review = lock_for(review_id, actor)
    if review.removed_at is None:
        return review
    with decision(review, "restore", actor, reason), rating_follows(review):
        before = {"removed_at": review.removed_at}
        review.removed_at, review.removal_reason, review.removal_ground = None, "", ""
        review.save(update_fields=["removed_at", "removal_reason", "removal_ground", "updated_at"])
        record("review.brought_back", review, actor=actor, before=before, after={"removed_at": None}, reason=reason)
        publish("reviews.visibility_changed", review_id=review.pk, product_id=review.product_id)
    return review


@transaction.atomic
def remove_reply(reply_id: UUID, *, actor: User | None, reason: str, ground: str = "terms") -> VendorReply:
    """Take a reply down. Raises as ``approve_reply``."""
    reply = lock_reply_for(reply_id, actor)
    if reply.removed_at is not None and (ground != "illegal" or reply.removal_ground == ground):
        return reply
    with decision(reply, "remove", actor, reason):
        reply.removed_at, reply.removal_reason, reply.removal_ground = database_now(), reason, ground
        reply.save(update_fields=["removed_at", "removal_reason", "removal_ground", "updated_at"])
        record("reply.removed", reply, actor=actor, after={"removed_at": reply.removed_at}, reason=reason)
        about = {"reply_id": reply.pk, "review_id": reply.review_id, "product_id": reply.review.product_id}
        publish("reviews.reply_visibility_changed", **about, vendor_id=reply.vendor_id)
    return reply


@transaction.atomic
def bring_back_reply(reply_id: UUID, *, actor: User | None, reason: str) -> VendorReply:
    """End a removal. Idempotent. Raises as ``approve_reply``."""
    reply = lock_reply_for(reply_id, actor)
    if reply.removed_at is None:
        return reply
    with decision(reply, "restore", actor, reason):
        before = {"removed_at": reply.removed_at}
        reply.removed_at, reply.removal_reason, reply.removal_ground = None, "", ""
        reply.save(update_fields=["removed_at", "removal_reason", "removal_ground", "updated_at"])
        record("reply.brought_back", reply, actor=actor, before=before, after={"removed_at": None}, reason=reason)
        about = {"reply_id": reply.pk, "review_id": reply.review_id, "product_id": reply.review.product_id}
        publish("reviews.reply_visibility_changed", **about, vendor_id=reply.vendor_id)
    return reply
