"""Screening of vendors' replies, with the checks of texts that reviews go through."""

from dataclasses import asdict
from uuid import UUID

from django.db import transaction

from reviews.models import ReplyRevision, VendorReply
from reviews.screening.run import find_signals
from reviews.screening.signals import Candidate, Signal
from reviews.services.replies import has_earned_trust
from reviews.services.reply_moderation import approve_reply
from trustengine.audit.services import record
from trustengine.jobs.services import publish


@transaction.atomic
def screen_reply(reply_id: UUID) -> None:
    """Check the text that waits in a reply. It is approved if nothing is found and the vendor has earned it."""
    locked = VendorReply.objects.live().select_for_update(of=("self",), no_key=True)
    reply = locked.filter(pk=reply_id).first()
    if reply is None:
        return
    revision = reply.revisions.filter(state=ReplyRevision.State.PENDING, signals__isnull=True).first()
    if revision is None:
        return
    signals = _find_signals(reply, revision)
    revision.signals = [asdict(signal) for signal in signals]
    revision.save(update_fields=["signals"])
    after = {"revision": revision.number, "signals": [signal.name for signal in signals]}
    record("reply.screened", reply, after=after)
    publish("reviews.reply_screened", reply_id=reply.pk)
    if not signals and has_earned_trust(reply):
        approve_reply(reply.pk, actor=None, revision=revision.number, reason="trusted_vendor")


def _find_signals(reply: VendorReply, revision: ReplyRevision) -> list[Signal]:
    published = reply.text if reply.status == VendorReply.Status.APPROVED else None
    candidate = Candidate("", revision.text, published)
    return find_signals(candidate)
