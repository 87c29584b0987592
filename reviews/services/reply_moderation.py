"""Decisions on vendors' replies, by a person or by a rule (``actor=None``)."""

from uuid import UUID

from django.db import transaction

from reviews.errors import CaseChanged, ConflictOfInterest
from reviews.models import ReplyRevision, VendorReply
from reviews.services.moderation import PERMISSION
from reviews.services.recording import decision
from trustengine.accounts.access import is_member
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied
from trustengine.jobs.services import publish

State = ReplyRevision.State


@transaction.atomic
def approve_reply(reply_id: UUID, *, actor: User | None, revision: int | None = None, reason: str = "") -> VendorReply:
    """Publish the text that waits. ``revision`` is the number that the actor read.

    Raises CaseChanged if another one waits by now, InvalidTransition if none does,
    NotFound, PermissionDenied, and ConflictOfInterest for members of the vendor and the
    author of the review.
    """
    reply = lock_reply_for(reply_id, actor)
    with decision(reply, "approve", actor, reason):
        pending = _settled(reply, State.APPROVED, actor, revision)
        reply.text = pending.text
        _decide(reply, VendorReply.Status.APPROVED, actor)
        _announce("reply.approved", reply, pending, actor, reason)
    return reply


@transaction.atomic
def reject_reply(reply_id: UUID, *, actor: User | None, revision: int | None = None, reason: str) -> VendorReply:
    """Refuse the text that waits; an approved one stays. Raises as ``approve_reply``."""
    reply = lock_reply_for(reply_id, actor)
    with decision(reply, "reject", actor, reason):
        pending = _settled(reply, State.REJECTED, actor, revision)
        if reply.status != VendorReply.Status.APPROVED:
            _decide(reply, VendorReply.Status.REJECTED, actor)
        _announce("reply.rejected", reply, pending, actor, reason)
    return reply


@transaction.atomic
def hide_reply(reply_id: UUID, *, actor: User | None, reason: str) -> VendorReply:
    """Take a reply out of public view. Hiding what is hidden changes nothing."""
    return _set_hidden(reply_id, actor, reason, hidden=True)


@transaction.atomic
def restore_reply(reply_id: UUID, *, actor: User | None, reason: str) -> VendorReply:
    """Show a hidden reply again. Restoring what is shown changes nothing."""
    return _set_hidden(reply_id, actor, reason, hidden=False)


def _set_hidden(reply_id: UUID, actor: User | None, reason: str, *, hidden: bool) -> VendorReply:
    reply = lock_reply_for(reply_id, actor)
    if reply.is_hidden == hidden:
        return reply
    with decision(reply, "hide" if hidden else "restore", actor, reason):
        reply.is_hidden = hidden
        reply.save(update_fields=["is_hidden", "updated_at"])
        verb = "reply.hidden" if hidden else "reply.restored"
        record(verb, reply, actor=actor, before={"is_hidden": not hidden}, after={"is_hidden": hidden}, reason=reason)
        _publish("reviews.reply_visibility_changed", reply)
    return reply


def lock_reply_for(reply_id: UUID, actor: User | None) -> VendorReply:
    """A live reply, locked for a decision. Raises NotFound, PermissionDenied, ConflictOfInterest."""
    if actor is not None and not actor.has_perm(PERMISSION):
        raise PermissionDenied
    locked = VendorReply.objects.live().select_for_update(of=("self",), no_key=True)
    reply = locked.filter(pk=reply_id).first()
    if reply is None:
        raise NotFound
    if actor is not None and (reply.review.author_id == actor.pk or is_member(actor, reply.vendor_id)):
        raise ConflictOfInterest("You cannot decide on your own vendor's reply, or on one to your own review.")
    return reply


def _settled(reply: VendorReply, state: State, actor: User | None, seen: int | None) -> ReplyRevision:
    pending = reply.revisions.filter(state=State.PENDING).first()
    if pending is None:
        raise InvalidTransition("Nothing is waiting for a decision here: somebody may have decided meanwhile.")
    if seen is not None and pending.number != seen:
        raise CaseChanged
    pending.state, pending.decided_at, pending.decided_by = state, database_now(), actor
    pending.save(update_fields=["state", "decided_at", "decided_by"])
    return pending


def _decide(reply: VendorReply, status: VendorReply.Status, actor: User | None) -> None:
    reply.status, reply.moderated_by, reply.moderated_at = status, actor, database_now()
    reply.save(update_fields=["text", "status", "moderated_by", "moderated_at", "updated_at"])


def _announce(verb: str, reply: VendorReply, revision: ReplyRevision, actor: User | None, reason: str) -> None:
    after = {"status": reply.status, "revision": revision.number, "automated": actor is None}
    record(verb, reply, actor=actor, after=after, reason=reason)
    _publish("reviews.reply_decided", reply)


def _publish(event: str, reply: VendorReply) -> None:
    review = reply.review
    publish(event, reply_id=reply.pk, review_id=review.pk, product_id=review.product_id, vendor_id=reply.vendor_id)
